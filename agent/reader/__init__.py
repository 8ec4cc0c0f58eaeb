"""The reader: judges what a message says of everything it may be about, by layers of the language model with a LoRA."""

from agent.reader.judge import RECORD, Network, Reader, encoded, open_linker
from agent.reader.nearness import Nearness

__all__ = ["RECORD", "Nearness", "Network", "Reader", "encoded", "open_linker"]
