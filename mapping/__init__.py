"""What an issue means: the protocol as pure functions. No I/O, no clock, nothing imported but pydantic."""
