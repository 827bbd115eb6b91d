# Writes preprocess.json: what torchvision's Resize and CenterCrop and Pillow make of
# a picture, for TestPreprocessing. Debian's python3-torchvision has both.
import json
import numpy as np
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode as mode

filters = {"linear": mode.BILINEAR, "cubic": mode.BICUBIC}
cases = []
for width, height in [(30, 20), (20, 30), (13, 57), (9, 8), (64, 64)]:
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([(x * 37 + y * 11) % 140, (x * y) % 140, (x * x + 3 * y) % 140], 2).astype(np.uint8) + 60  # no overshoot is cut off
    image = Image.fromarray(picture)
    for name, filter in filters.items():
        for fit, shorter, h, w in [("crop", 16, 12, 12), ("crop", 13, 9, 12), ("stretch", 0, 11, 17)]:
            if fit == "crop":
                made = transforms.CenterCrop((h, w))(transforms.Resize(shorter, filter)(image))
            else:
                made = transforms.Resize((h, w), filter)(image)
            cases.append(dict(width=width, height=height, fit=fit, shorter=shorter, filter=name, h=h, w=w,
                              pixels=np.asarray(made).transpose(2, 0, 1).ravel().tolist()))
json.dump(cases, open("preprocess.json", "w"), separators=(",", ":"))
