"""A small digit recogniser whose state is a dictionary of arrays."""

import io
import zipfile

import numpy


class NumpyModel:
    """784-128-10 with ReLU, softmax and Adam. The same seed and data give the same bytes."""

    def __init__(self, learning_rate, seed=0):
        rng = numpy.random.default_rng(seed)
        self.rate = learning_rate
        self.weights = {
            "w1": rng.normal(0, numpy.sqrt(2 / 784), (784, 128)), "b1": numpy.zeros(128),
            "w2": rng.normal(0, numpy.sqrt(2 / 128), (128, 10)), "b2": numpy.zeros(10),
        }
        self.mean = {name: numpy.zeros_like(value) for name, value in self.weights.items()}
        self.square = {name: numpy.zeros_like(value) for name, value in self.weights.items()}
        self.step = 0

    def scores(self, images):
        w = self.weights
        self.hidden = numpy.maximum(images @ w["w1"] + w["b1"], 0)
        return self.hidden @ w["w2"] + w["b2"]

    def train(self, images, labels):
        scores = self.scores(images)
        odds = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        slope = odds / odds.sum(axis=1, keepdims=True)
        slope[numpy.arange(len(labels)), labels] -= 1
        slope /= len(labels)
        back = (slope @ self.weights["w2"].T) * (self.hidden > 0)
        self.update({"w2": self.hidden.T @ slope, "b2": slope.sum(axis=0),
                     "w1": images.T @ back, "b1": back.sum(axis=0)})

    def update(self, gradients):
        self.step += 1
        scale = numpy.sqrt(1 - 0.999 ** self.step) / (1 - 0.9 ** self.step)
        for name, gradient in gradients.items():
            self.mean[name] = 0.9 * self.mean[name] + 0.1 * gradient
            self.square[name] = 0.999 * self.square[name] + 0.001 * gradient ** 2
            self.weights[name] -= (
                self.rate * scale * self.mean[name] / (numpy.sqrt(self.square[name]) + 1e-8))

    def accuracy(self, images, labels):
        return float((self.scores(images).argmax(axis=1) == labels).mean())

    def state(self):
        arrays = {f"weights/{name}": value for name, value in self.weights.items()}
        arrays.update({f"mean/{name}": value for name, value in self.mean.items()})
        arrays.update({f"square/{name}": value for name, value in self.square.items()})
        return arrays


class SklearnModel:
    """scikit-learn's MLPClassifier, a step at a time."""

    def __init__(self, learning_rate, seed=0):
        from sklearn.neural_network import MLPClassifier
        self.network = MLPClassifier((128,), learning_rate_init=learning_rate, random_state=seed)

    def train(self, images, labels):
        self.network.partial_fit(images, labels, classes=numpy.arange(10))

    def accuracy(self, images, labels):
        # Before the first step there is nothing to ask.
        fitted = hasattr(self.network, "coefs_")
        return float(self.network.score(images, labels)) if fitted else 0.1

    def state(self):
        arrays = {}
        if hasattr(self.network, "coefs_"):
            for i, (w, b) in enumerate(zip(self.network.coefs_, self.network.intercepts_)):
                arrays[f"weights/w{i + 1}"], arrays[f"weights/b{i + 1}"] = w, b
        return arrays


class TorchModel:
    """The same network in PyTorch."""

    def __init__(self, learning_rate, seed=0):
        import torch
        self.torch = torch
        torch.manual_seed(seed)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
        self.optimizer = torch.optim.Adam(self.network.parameters(), learning_rate)

    def train(self, images, labels):
        scores = self.network(self.torch.from_numpy(images))
        wanted = self.torch.from_numpy(labels.astype(numpy.int64))
        self.optimizer.zero_grad()
        self.torch.nn.functional.cross_entropy(scores, wanted).backward()
        self.optimizer.step()

    def accuracy(self, images, labels):
        with self.torch.no_grad():
            scores = self.network(self.torch.from_numpy(images)).numpy()
        return float((scores.argmax(axis=1) == labels).mean())

    def state(self):
        return {f"weights/{name}": value.numpy() for name, value in self.network.state_dict().items()}


class TensorflowModel:
    """The same network in Keras."""

    def __init__(self, learning_rate, seed=0):
        import tensorflow
        tensorflow.keras.utils.set_random_seed(seed)
        layers = tensorflow.keras.layers
        self.network = tensorflow.keras.Sequential([
            layers.Input((784,)), layers.Dense(128, activation="relu"), layers.Dense(10)])
        loss = tensorflow.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.network.compile(tensorflow.keras.optimizers.Adam(learning_rate), loss)

    def train(self, images, labels):
        self.network.train_on_batch(images, labels)

    def accuracy(self, images, labels):
        scores = self.network.predict_on_batch(images)
        return float((scores.argmax(axis=1) == labels).mean())

    def state(self):
        return {f"weights/{i}": value for i, value in enumerate(self.network.get_weights())}


class JaxModel:
    """The same network in JAX, with plain gradient descent."""

    def __init__(self, learning_rate, seed=0):
        import jax
        # What Adam makes of its rate is about a hundred times what a plain step makes of it.
        self.rate = 100 * learning_rate
        first, second = jax.random.split(jax.random.PRNGKey(seed))
        self.weights = {
            "w1": jax.random.normal(first, (784, 128)) * (2 / 784) ** 0.5, "b1": jax.numpy.zeros(128),
            "w2": jax.random.normal(second, (128, 10)) * (2 / 128) ** 0.5, "b2": jax.numpy.zeros(10),
        }

        def scores(weights, images):
            hidden = jax.numpy.maximum(images @ weights["w1"] + weights["b1"], 0)
            return hidden @ weights["w2"] + weights["b2"]

        def loss(weights, images, labels):
            odds = jax.nn.log_softmax(scores(weights, images))
            return -jax.numpy.take_along_axis(odds, labels[:, None], axis=1).mean()

        self.scores, self.slopes = jax.jit(scores), jax.jit(jax.grad(loss))

    def train(self, images, labels):
        slopes = self.slopes(self.weights, images, labels.astype(numpy.int32))
        self.weights = {name: value - self.rate * slopes[name] for name, value in self.weights.items()}

    def accuracy(self, images, labels):
        scores = numpy.asarray(self.scores(self.weights, images))
        return float((scores.argmax(axis=1) == labels).mean())

    def state(self):
        return {f"weights/{name}": numpy.asarray(value) for name, value in self.weights.items()}


MODELS = {"numpy": NumpyModel, "sklearn": SklearnModel, "torch": TorchModel, "tensorflow": TensorflowModel,
          "jax": JaxModel}


def dump(arrays):
    """An .npz of arrays; the same arrays give the same bytes (numpy.savez writes the time)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            numpy.save(member, arrays[name])
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)),
                             member.getvalue())
    return out.getvalue()
