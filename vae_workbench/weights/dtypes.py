"""The number formats that tensors are stored in, by the names that safetensors gives them. No torch in here."""

from __future__ import annotations

BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
"""Bits of one element, in the order of the ``Dtype`` enumeration of safetensors, which sorts tensors by it."""

FLOATS = frozenset(name for name in BITS if name.startswith(("F", "BF")))
"""Formats that weights can be used in as they are. Whole numbers are quantised weights, without the scales they need."""

TORCH_NAMES = {
    "BOOL": "bool",
    "F4": "float4_e2m1fn_x2",
    "U8": "uint8",
    "I8": "int8",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "C64": "complex64",
    "F64": "float64",
    "I64": "int64",
    "U64": "uint64",
}
"""What ``torch`` calls them. It has no 6-bit formats, and an older torch lacks the newer ones."""

TORCH_STORAGES = {
    "BoolStorage": "BOOL",
    "ByteStorage": "U8",
    "CharStorage": "I8",
    "ShortStorage": "I16",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "IntStorage": "I32",
    "FloatStorage": "F32",
    "DoubleStorage": "F64",
    "LongStorage": "I64",
    "ComplexFloatStorage": "C64",
    "UntypedStorage": "U8",
    "QInt8Storage": "I8",
    "QUInt8Storage": "U8",
    "QInt32Storage": "I32",
}
"""The storage classes that ``torch.save`` names in its pickles, with the format of their elements.

Quantised storages are here for their size only: tensors on top of them are not listed.
"""


def byte_size(dtype: str, elements: int) -> int:
    """Bytes that ``elements`` numbers of a format take.

    Raises:
        ValueError: the format is unknown, or the elements do not fill whole bytes.
    """
    if dtype not in BITS:
        raise ValueError(f"the number format {dtype[:40]!r} is unknown")
    size, odd = divmod(BITS[dtype] * elements, 8)
    if odd:
        raise ValueError(f"{elements} elements of {dtype} do not fill whole bytes")
    return size
