"""Makes the demo VAE: a small KL autoencoder in the latent space of SD1, distilled from TAESD.

    python -m demo.train --teacher FOLDER

Teacher: TAESD by Ollin Boer Bohan (MIT), ``taesd_encoder.safetensors`` and ``taesd_decoder.safetensors`` in FOLDER. Pictures:
the photos that the scikit-image wheel carries and pictures by code; both are named in :mod:`.pictures`, and so are the three
photos that are held out. The defaults made the committed file. Stages leave their results in ``--work`` and are skipped if
they are there, so that an interrupted run goes on; encoder and decoder can be trained in two terminals with ``--stages``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vae_workbench.autoencoder.autoencoder import Autoencoder
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.precision.rescale import scale_stream

from . import distil, pictures
from .distil import Bank, Batch

COMMITTED = Path(__file__).with_name("demo-vae-sd1.safetensors")

METADATA = {
    "modelspec.sai_model_spec": "1.0.0",
    "modelspec.architecture": "stable-diffusion-v1/vae",
    "modelspec.title": "VAE Workbench demo VAE (a toy)",
    "modelspec.description": "A small KL autoencoder in the latent space of Stable Diffusion 1, for trying VAE Workbench out.",
    "modelspec.license": "MIT",
    "source": "Distilled from TAESD (c) Ollin Boer Bohan, MIT, on photos of scikit-image and on pictures by code",
}

STREAM_FACTOR = 2.0**-5
"""As trained, the decoder's residual stream reaches 93,053 on a held-out photo, more than the 65,504 that fp16 holds. Smaller
by this factor it decodes the same picture, and fp16 has room to spare."""

BATCH_PIXELS = 6 * 64 * 64
LARGE_FROM = 0.5
"""After this part of the steps crops are 128² and no longer 64², for norms and attention that see more of a picture."""


def bank_plan(share: float) -> dict[int, int]:
    """How many crops of which side the bank has; ``share`` below 1 is for trying things out."""
    return {64: max(12, round(4000 * share)), 128: max(4, round(900 * share))}


def load_teacher(folder: Path, device: torch.device) -> Autoencoder:
    tensors = {
        f"taesd_{half}.{name}": tensor
        for half in ("encoder", "decoder")
        for name, tensor in load_file(folder / f"taesd_{half}.safetensors").items()
    }
    return load_autoencoder(tensors, device=device)


@dataclass(frozen=True)
class Job:
    """One run with all that was asked for.

    Attributes:
        teacher: folder of TAESD's two files.
        work: folder for what the stages leave.
        out: the file to write.
        steps: steps of the encoder and of the decoder.
        bank: crops to prepare, as a part of the full number.
        seed: for everything random.
        device: where to compute.
    """

    teacher: Path
    work: Path
    out: Path
    steps: int
    bank: float
    seed: int
    device: torch.device

    @cached_property
    def banks(self) -> dict[int, Bank]:
        """Crops by side, made by :meth:`prepare`."""
        return {side: Bank(*torch.load(self.bank_file(side), weights_only=True)) for side in bank_plan(self.bank)}

    def bank_file(self, side: int) -> Path:
        return self.work / f"bank-{side}.pt"

    def prepare(self) -> None:
        """Cuts the crops and asks the teacher."""
        teacher = load_teacher(self.teacher, self.device)
        for side, count in bank_plan(self.bank).items():
            if self.bank_file(side).exists():
                continue
            rng = np.random.default_rng([self.seed, side])
            drawn = pictures.drawings(max(18, round(60 * self.bank)), rng)
            bank = distil.ask(teacher, pictures.crops(count, side, rng, drawn), self.device)
            torch.save((bank.pictures, bank.latents, bank.drawn), self.bank_file(side))
            print(f"bank: {count} crops of {side}²", flush=True)

    def batches(self, steps: int, seed: int) -> Callable[[int], Batch]:
        """Small crops first, large ones later."""
        small, large = self.banks.values()

        def batch(step: int) -> Batch:
            bank = small if step < LARGE_FROM * steps else large
            return bank.batch(seed * 1_000_003 + step, BATCH_PIXELS, self.device)

        return batch

    def learn_encoder(self) -> None:
        network = distil.student(self.seed).to(self.device)

        def loss(batch: Batch) -> Tensor:
            return distil.latent_loss(distil.encoded(network, batch[0]), batch[1])

        distil.train(encoder_of(network), loss, self.batches(self.steps, 1), self.steps, self.work / "encoder.pt")

    def learn_decoder(self) -> None:
        network = distil.student(self.seed).to(self.device)

        def loss(batch: Batch) -> Tensor:
            return distil.picture_loss(distil.decoded(network, batch[1]), batch[0], batch[2])

        distil.train(decoder_of(network), loss, self.batches(self.steps, 2), self.steps, self.work / "decoder.pt")

    def write(self) -> None:
        """The finished VAE as a safetensors file, with activations that fp16 holds easily."""
        tensors = scale_stream(self.assembled().state_dict(), "decoder", STREAM_FACTOR)
        tensors = {name: tensor.to(distil.STORED).contiguous() for name, tensor in tensors.items()}
        save_file(tensors, self.out, METADATA)
        print(f"{self.out}: {len(tensors)} tensors, {self.out.stat().st_size / 1e6:.1f} MB")

    def assembled(self) -> KLAutoencoder:
        """The student with its two halves as they were trained apart."""
        network = distil.student(self.seed).to(self.device)
        for half, file in ((encoder_of(network), "encoder.pt"), (decoder_of(network), "decoder.pt")):
            half.load_state_dict(torch.load(self.work / file, map_location=self.device, weights_only=True)["half"])
        return network


def encoder_of(network: KLAutoencoder) -> nn.ModuleDict:
    return nn.ModuleDict({"encoder": network.encoder, "quant_conv": network.quant_conv})


def decoder_of(network: KLAutoencoder) -> nn.ModuleDict:
    return nn.ModuleDict({"decoder": network.decoder, "post_quant_conv": network.post_quant_conv})


STAGES: dict[str, tuple[str, Callable[[Job], None]]] = {
    "bank": ("bank-128.pt", Job.prepare),
    "encoder": ("", Job.learn_encoder),
    "decoder": ("", Job.learn_decoder),
    "write": ("", Job.write),
}
"""By name: the file that shows that the stage is done ("" if the stage itself knows), and what it does."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True, help="folder with TAESD's encoder and decoder")
    parser.add_argument("--out", type=Path, default=COMMITTED, help="file to write (default: the committed one)")
    parser.add_argument("--work", type=Path, default=Path("build/demo"), help="folder for what the stages leave")
    parser.add_argument("--steps", type=int, default=1000, help="steps of the encoder, and of the decoder")
    parser.add_argument("--bank", type=float, default=1.0, help="crops to prepare, as a part of the full number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's)")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    asked.work.mkdir(parents=True, exist_ok=True)
    job = Job(asked.teacher, asked.work, asked.out, asked.steps, asked.bank, asked.seed, torch.device(asked.device))
    for name in asked.stages:
        mark, stage = STAGES[name]
        if not (mark and (job.work / mark).exists()):
            stage(job)


if __name__ == "__main__":
    main()
