"""The data sets known by name: classes, image size, addresses, checksums."""

from typing import NamedTuple

_CIFAR_URL = "https://www.cs.toronto.edu/~kriz/"
_FASHION_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

_CIFAR10_CLASSES = (
    "airplane automobile bird cat deer dog frog horse ship truck"
).split()

_CIFAR100_CLASSES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle
    bowl boy bridge bus butterfly camel can castle caterpillar cattle
    chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
    dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
    lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
    mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
    pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon
    ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
    spider squirrel streetcar sunflower sweet_pepper table tank telephone
    television tiger tractor train trout tulip turtle wardrobe whale
    willow_tree wolf woman worm
""".split()

_FASHION_CLASSES = (
    "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,"
    "Ankle boot"
).split(",")


class RemoteFile(NamedTuple):
    """One file to download: address, name in Keras's cache, checksum."""

    url: str
    cache_name: str
    sha256: str
    cache_subdir: str = "datasets"


class KnownDataset(NamedTuple):
    """What is known of a data set before a byte of it is read."""

    class_names: tuple
    image_size: tuple  # (height, width)
    source: str
    files: tuple = ()


def _fashion_file(name, sha256):
    """Describes one Fashion-MNIST file where Keras would keep it."""
    return RemoteFile(
        _FASHION_URL + name, name, sha256, "datasets/fashion-mnist"
    )


# The checksums of the CIFAR archives are the ones Keras itself checks. Keras
# checks none for Fashion-MNIST: these are of the four files as published.
DATASETS = {
    "cifar10": KnownDataset(
        tuple(_CIFAR10_CLASSES),
        (32, 32),
        "CIFAR-10, the archive that keras.datasets.cifar10 reads",
        (
            RemoteFile(
                _CIFAR_URL + "cifar-10-python.tar.gz",
                "cifar-10-batches-py-target_archive",
                "6d958be074577803d12ecdefd02955f3"
                "9262c83c16fe9348329d7fe0b5c001ce",
            ),
        ),
    ),
    "cifar100": KnownDataset(
        tuple(_CIFAR100_CLASSES),
        (32, 32),
        "CIFAR-100, the archive that keras.datasets.cifar100 reads",
        (
            RemoteFile(
                _CIFAR_URL + "cifar-100-python.tar.gz",
                "cifar-100-python-target_archive",
                "85cd44d02ba6437773c5bbd22e183051"
                "d648de2e7d6b014e1ef29b855ba677a7",
            ),
        ),
    ),
    "fashion_mnist": KnownDataset(
        tuple(_FASHION_CLASSES),
        (28, 28),
        "Fashion-MNIST, the files that keras.datasets.fashion_mnist reads",
        (
            _fashion_file(
                "train-images-idx3-ubyte.gz",
                "3aede38d61863908ad78613f6a32ed27"
                "1626dd12800ba2636569512369268a84",
            ),
            _fashion_file(
                "train-labels-idx1-ubyte.gz",
                "a04f17134ac03560a47e3764e11b92fc"
                "97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            _fashion_file(
                "t10k-images-idx3-ubyte.gz",
                "346e55b948d973a97e58d2351dde16a4"
                "84bd415d4595297633bb08f03db6a073",
            ),
            _fashion_file(
                "t10k-labels-idx1-ubyte.gz",
                "67da17c76eaffca5446c3361aaab5c3c"
                "d6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
    ),
    "digits": KnownDataset(
        tuple("0123456789"),
        (32, 32),
        "the handwritten digits of scikit-learn, 8 x 8 enlarged four times",
    ),
}
