"""Letters in pictures, and pictures in files."""

import os

from PIL import Image, ImageFont, PngImagePlugin


def get_font(fontsize):
    return ImageFont.load_default()


def sanitize_filename_part(text, replace_spaces=True):
    if replace_spaces:
        text = text.replace(" ", "_")
    return "".join("_" if character in '#<>:"/\\|?*' else character for character in text)


def image_grid(imgs, batch_size=1, rows=None):
    return Image.new("RGB", (len(imgs) * imgs[0].width, imgs[0].height))


def save_image(image, path, basename, seed=None, prompt=None, extension="png", info=None, p=None, suffix=""):
    os.makedirs(path, exist_ok=True)
    name = os.path.join(path, f"{len(os.listdir(path)):05}-{seed}{suffix}.{extension}")
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", info)
    image.save(name, pnginfo=text)
    image.already_saved_as = name
    return name, None
