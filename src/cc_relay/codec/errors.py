"""What a decoder raises when the bytes make no sense."""


class CodecError(ValueError):
    """Bytes that break their format, or outgrow the bound of their decoder.

    A decoder that raised it is spent: where the next frame would begin is unknown.
    """
