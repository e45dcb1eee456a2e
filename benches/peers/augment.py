"""Augmentation and JPEG decoding by torchvision and Pillow. --gen-only --data DIR writes the JPEG files."""

import io
import os
import sys

import common
from common import emit, measure, np, uniform, wanted

DIR = sys.argv[sys.argv.index("--data") + 1] if "--data" in sys.argv else None


def write_jpegs(folder):
    """64 smooth colour pictures of 500x375, quality 90, 4:2:0, in DIR/jpeg/{a,b}."""
    from PIL import Image

    yy, xx = np.mgrid[0:375, 0:500].astype(np.float64)
    for i in range(64):
        u = uniform(900 + i, 3, 4)
        planes = []
        for fx, fy, phase, grain in u:
            wave = np.sin(xx * (0.01 + 0.08 * fx) + yy * (0.01 + 0.08 * fy) + 6.28 * phase)
            noise = uniform(2000 + i, 375, 500) - 0.5
            planes.append(127.5 + 90 * wave + 60 * grain * noise)
        pixels = np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)
        target = os.path.join(folder, "jpeg", "ab"[i % 2])
        os.makedirs(target, exist_ok=True)
        Image.fromarray(pixels).save(os.path.join(target, f"{i:02}.jpg"), quality=90, subsampling=2)


def rate(task, peer, images, call):
    timing = measure(call)
    emit(task, peer, images / timing["median_s"], "images/s", True, timing)


def augment():
    import torch
    from torchvision.transforms import InterpolationMode, v2

    torch.set_num_threads(common.THREADS)
    torch.manual_seed(0)
    images = torch.from_numpy((uniform(5, 64, 3, 150, 150) * 255).astype(np.uint8))
    for name, mode in (("bilinear", InterpolationMode.BILINEAR), ("nearest", InterpolationMode.NEAREST)):
        transform = v2.Compose([
            v2.RandomAffine(40, translate=(0.2, 0.2), scale=(0.8, 1.2), shear=0.2, interpolation=mode),
            v2.RandomHorizontalFlip(),
            v2.ToDtype(torch.float32, scale=True),
        ])
        rate("augment-150/affine+flip", f"torchvision-v2-tensor-{name}", 64,
             lambda: [transform(image) for image in images])


def jpeg():
    from PIL import Image

    files = []
    for sub in "ab":
        folder = os.path.join(DIR, "jpeg", sub)
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                files.append(file.read())

    def decode(draft, size):
        for data in files:
            image = Image.open(io.BytesIO(data))
            if draft:
                image.draft("RGB", (150, 150))
            image = image.convert("RGB")
            if size:
                image = image.resize((150, 150), Image.BILINEAR)
            np.asarray(image)

    if common.THREADS == 1:
        rate("jpeg-decode-500x375", "pillow", len(files), lambda: decode(False, False))
        rate("jpeg-500x375-to-150x150", "pillow-bilinear", len(files), lambda: decode(False, True))
        rate("jpeg-500x375-to-150x150", "pillow-draft-bilinear", len(files), lambda: decode(True, True))


if "--gen-only" in sys.argv:
    write_jpegs(DIR)
else:
    if wanted("augment-150/affine+flip"):
        augment()
    if DIR and wanted("jpeg"):
        jpeg()
