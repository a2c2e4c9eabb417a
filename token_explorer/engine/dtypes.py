"""Whether a device is made for a number format. Knows nothing of models."""

from contextlib import suppress

SLOW_PROCESSOR = "bfloat16 isn't native to this processor: prompts take longer"
EMULATED = "bfloat16 isn't native to this GPU, which emulates it"


def slowness(dtype: str, device: str) -> str:
    """Why a number format is slow on a device, by torch's name for it; '' where it isn't, or isn't known."""
    if dtype != "bfloat16":
        return ""
    if device.startswith("cuda"):
        return "" if _gpu_has_bfloat16(device) else EMULATED
    return SLOW_PROCESSOR if device == "cpu" and not _processor_has_bfloat16() else ""


def _gpu_has_bfloat16(device: str) -> bool:
    import torch

    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _processor_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 (AVX-512, AMX, Arm); true where torch is too old to know."""
    import torch

    with suppress(AttributeError):
        found = torch.cpu.get_capabilities()
        return any(there for name, there in found.items() if name.endswith("bf16"))
    return True
