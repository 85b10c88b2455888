"""Hold version 1 of the messages and the code generated from them."""
