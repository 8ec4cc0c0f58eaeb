"""The reader: judges what a message says of everything it may be about, by a LoRA-tuned sentence encoder."""

from agent.reader.judge import Nearness, Reader, encoded, fresh_encoder, open_linker, parts_of

__all__ = ["Nearness", "Reader", "encoded", "fresh_encoder", "open_linker", "parts_of"]
