from typing import NewType
SemanticId = tuple[int, ...]
