"""Makes the demo VAE: a small KL autoencoder in the latent space of SD1, distilled from TAESD.

    python -m demo.train --teacher FOLDER

Teacher: TAESD by Ollin Boer Bohan (MIT), ``taesd_encoder.safetensors`` and ``taesd_decoder.safetensors`` in FOLDER. Pictures:
the photos that the scikit-image wheel carries, those of ``--photos`` and pictures by code; :mod:`.pictures` names them, and
the three photos that are held out. README.md tells how the committed file was made. Stages leave their state in ``--work``
and go on from there, so a run can be interrupted, and resumed with other ``--steps`` and ``--slowing``; encoder and decoder
can be trained in two terminals with ``--stages``.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vae_workbench.autoencoder.autoencoder import Autoencoder
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.kl import KLAutoencoder
from vae_workbench.precision.rescale import scale_stream

from . import distil, group_norm, pictures
from .distil import Batch

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
"""As trained, activations of the decoder reach 41,500 on a held-out photo, close to the 65,504 that fp16 holds, and more after
fewer steps. With a residual stream smaller by this factor it decodes the same picture, and fp16 has room to spare."""

CROPS = ((6, 64), (2, 128), (1, 192))
"""Numbers and sides of the crops of a step, in turn; about equally many pixels. Small ones differ more from one another, large
ones are nearer to whole pictures for norms."""

DRAWINGS = 9


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
        seed: for everything random.
        device: where to compute.
        start: a VAE of the same shape to go on from.
        rate: the learning rate of Muon.
        slowing: in how many of the last steps the learning rate falls to zero.
        photos: folder with more photos to train on.
        student_share: how often the decoder is given what the student's encoder makes of a picture, and not TAESD's.
    """

    teacher: Path
    work: Path
    out: Path
    steps: int
    seed: int
    device: torch.device
    start: Path | None
    rate: float
    slowing: int
    photos: Path | None
    student_share: float

    def batches(self, seed: int) -> Callable[[int], Batch]:
        """What a step learns from: crops cut at random, and the teacher's latents of them."""
        teacher = load_teacher(self.teacher, self.device)
        crops = pictures.source_of_crops(self.drawings(), self.photos)

        def batch(step: int) -> Batch:
            count, side = CROPS[step % len(CROPS)]
            return distil.ask(teacher, crops(count, side, np.random.default_rng([self.seed, seed, step])), self.device)

        return batch

    def drawings(self) -> list[pictures.Picture]:
        """Pictures by code, drawn once."""
        file = self.work / "drawings.npy"
        if not file.exists():
            np.save(file, np.stack(pictures.drawings(DRAWINGS, np.random.default_rng(self.seed))))
        return list(np.load(file))

    def student(self) -> KLAutoencoder:
        """What the training begins with: an untrained network, or the one of ``start``."""
        network = distil.student(self.seed)
        if self.start:
            tensors = {name: tensor.float() for name, tensor in load_file(self.start).items()}
            network.load_state_dict(scale_stream(tensors, "decoder", 1 / STREAM_FACTOR))
            for half in (network.encoder, network.decoder):
                distil.weaken_(half.mid.attn_1)
        group_norm.use_fast_gradients_(network)
        return network.to(self.device, memory_format=torch.channels_last)

    def learn_encoder(self) -> None:
        network = self.student()

        def loss(batch: Batch) -> Tensor:
            return distil.latent_loss(distil.encoded(network, batch[0]).float(), batch[1])

        distil.train(
            encoder_of(network), loss, self.batches(1), self.steps, self.slowing, self.work / "encoder.pt", self.rate
        )

    def learn_decoder(self) -> None:
        network = self.student()
        if (self.work / "encoder.pt").exists():
            encoder_of(network).load_state_dict(self.trained("encoder.pt"))

        def loss(batch: Batch) -> Tensor:
            picture, latents = batch
            if random.random() < self.student_share:
                with torch.no_grad():
                    latents = distil.encoded(network, picture).float()
            return distil.picture_loss(distil.decoded(network, latents).float(), picture)

        distil.train(
            decoder_of(network), loss, self.batches(2), self.steps, self.slowing, self.work / "decoder.pt", self.rate
        )

    def write(self) -> None:
        """The finished VAE as a safetensors file, with activations that fp16 holds easily."""
        tensors = scale_stream(self.assembled().state_dict(), "decoder", STREAM_FACTOR)
        tensors = {name: tensor.to(distil.STORED).contiguous() for name, tensor in tensors.items()}
        save_file(tensors, self.out, METADATA)
        print(f"{self.out}: {len(tensors)} tensors, {self.out.stat().st_size / 1e6:.1f} MB")

    def assembled(self) -> KLAutoencoder:
        """The two halves as they were trained apart."""
        network = self.student()
        for half, file in ((encoder_of(network), "encoder.pt"), (decoder_of(network), "decoder.pt")):
            half.load_state_dict(self.trained(file))
        return network

    def trained(self, file: str) -> dict[str, Tensor]:
        """The mean of the weights of a half's last steps."""
        mean: dict[str, Tensor] = torch.load(self.work / file, map_location=self.device, weights_only=True)["mean"]
        return mean


def encoder_of(network: KLAutoencoder) -> nn.ModuleDict:
    return nn.ModuleDict({"encoder": network.encoder, "quant_conv": network.quant_conv})


def decoder_of(network: KLAutoencoder) -> nn.ModuleDict:
    return nn.ModuleDict({"decoder": network.decoder, "post_quant_conv": network.post_quant_conv})


STAGES: dict[str, Callable[[Job], None]] = {
    "encoder": Job.learn_encoder,
    "decoder": Job.learn_decoder,
    "write": Job.write,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True, help="folder with TAESD's encoder and decoder")
    parser.add_argument("--out", type=Path, default=COMMITTED, help="file to write (default: the committed one)")
    parser.add_argument("--work", type=Path, default=Path("build/demo"), help="folder for what the stages leave")
    parser.add_argument("--steps", type=int, default=1000, help="steps of the encoder, and of the decoder")
    parser.add_argument("--slowing", type=int, help="last steps, in which the rate falls to 0 (default: 60 %% of all)")
    parser.add_argument("--photos", type=Path, help="folder with more photos to train on")
    parser.add_argument(
        "--student-share", type=float, default=0.5, help="share of latents by the student's own encoder"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's)")
    parser.add_argument("--start", type=Path, help="a VAE of the same shape to go on from, instead of from nothing")
    parser.add_argument("--rate", type=float, default=0.02, help="learning rate")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    asked.work.mkdir(parents=True, exist_ok=True)
    device = torch.device(asked.device)
    job = Job(
        teacher=asked.teacher,
        work=asked.work,
        out=asked.out,
        steps=asked.steps,
        seed=asked.seed,
        device=device,
        start=asked.start,
        rate=asked.rate,
        slowing=asked.slowing or round(0.6 * asked.steps),
        photos=asked.photos,
        student_share=asked.student_share,
    )
    for name in asked.stages:
        STAGES[name](job)


if __name__ == "__main__":
    main()
