"""Training and inference rows by PyTorch. --variant eager|eager-fused|cl-fused|compile|compile-cl."""

import resource
import sys

import common
from common import emit, integers, measure, np, peak_rss_mb, uniform, wanted

import torch
from torch import nn

VARIANT = sys.argv[sys.argv.index("--variant") + 1] if "--variant" in sys.argv else "eager"
CHANNELS_LAST = "cl" in VARIANT
COMPILE = "compile" in VARIANT
FUSED = "fused" in VARIANT or COMPILE
torch.set_num_threads(common.THREADS)
torch.manual_seed(0)


def keras_cnn():
    layers, channels = [], 3
    for out in (32, 64, 128, 128):
        layers += [nn.Conv2d(channels, out, 3), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(7 * 7 * 128, 512), nn.ReLU(), nn.Linear(512, 1))


def fashion_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(12 * 12 * 64, 128), nn.ReLU(), nn.Linear(128, 10),
    )


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Characters(nn.Module):
    """Embedding, one recurrent layer, a dense layer at every position."""

    def __init__(self, recurrent):
        super().__init__()
        self.embedding = nn.Embedding(65, 64)
        self.recurrent = recurrent(64, 256, batch_first=True)
        self.head = nn.Linear(256, 65)

    def forward(self, x):
        return self.head(self.recurrent(self.embedding(x))[0])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(128), nn.LayerNorm(128)
        self.qkv, self.out = nn.Linear(128, 3 * 128), nn.Linear(128, 128)
        self.forward1, self.forward2 = nn.Linear(128, 512), nn.Linear(512, 128)

    def forward(self, x):
        batch, steps, _ = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, steps, 3, 4, 32).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, steps, 128))
        return x + self.forward2(nn.functional.gelu(self.forward1(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.positions = nn.Embedding(65, 128), nn.Embedding(128, 128)
        self.blocks = nn.Sequential(*(Block() for _ in range(4)))
        self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 65)

    def forward(self, x):
        x = self.embedding(x) + self.positions.weight[: x.shape[1]]
        return self.head(self.norm(self.blocks(x)))


class Basic(nn.Module):
    """A residual block of two 3x3 convolutions."""

    def __init__(self, channels, out, stride):
        super().__init__()
        conv = lambda a, b, kernel, stride: nn.Conv2d(a, b, kernel, stride, kernel // 2, bias=False)
        self.conv1, self.bn1 = conv(channels, out, 3, stride), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = conv(out, out, 3, 1), nn.BatchNorm2d(out)
        self.shortcut = nn.Identity()
        if stride > 1 or channels != out:
            self.shortcut = nn.Sequential(conv(channels, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, x):
        y = nn.functional.relu(self.bn1(self.conv1(x)))
        return nn.functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18():
    layers, channels = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
    for out, stride in (64, 1), (128, 2), (256, 2), (512, 2):
        layers += [Basic(channels, out, stride), Basic(out, out, 1)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


# Name: build, shape of an input (or a number of symbols), batch, classes, batches in memory.
TASKS = {
    "keras-cnn-150": (keras_cnn, (3, 150, 150), 32, 1, 8),
    "fashion-cnn": (fashion_cnn, (1, 28, 28), 64, 10, 8),
    "mlp-small": (lambda: mlp(784, 128, 10), (784,), 32, 10, 64),
    "mlp-1024": (lambda: mlp(784, 1024, 1024, 10), (784,), 256, 10, 8),
    "char-lstm": (lambda: Characters(nn.LSTM), 64, 32, 65, 8),
    "char-gru": (lambda: Characters(nn.GRU), 64, 32, 65, 8),
    "char-rnn": (lambda: Characters(nn.RNN), 64, 32, 65, 8),
    "transformer": (Transformer, 128, 16, 65, 8),
    "resnet18-cifar": (resnet18, (3, 32, 32), 32, 10, 8),
}


def batches(task, shape, batch, classes, count):
    for i in range(count):
        if isinstance(shape, int):
            of = lambda seed: torch.from_numpy(integers(seed + i, batch * shape, classes))
            yield of(10).reshape(batch, shape), of(50)
            continue
        numbers = common.normal if task == "resnet18-cifar" else uniform
        x = torch.from_numpy(numbers(10 + i, batch, *shape).astype(np.float32))
        if len(shape) == 3 and CHANNELS_LAST:
            x = x.to(memory_format=torch.channels_last)
        y = torch.from_numpy(integers(50 + i, batch, max(classes, 2)))
        yield x, (y.float()[:, None] if classes == 1 else y)


def train(task, build, shape, batch, classes, count):
    model = build()
    is_symbols = isinstance(shape, int)
    if CHANNELS_LAST and len(shape) == 3:
        model = model.to(memory_format=torch.channels_last)
    criterion = nn.BCEWithLogitsLoss() if classes == 1 else nn.CrossEntropyLoss()
    fused = True if FUSED else None
    if task == "resnet18-cifar":
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, fused=fused)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)

    def loss_of(x, y):
        scores = model(x)
        return criterion(scores.flatten(0, 1) if is_symbols else scores, y)

    forward = torch.compile(loss_of) if COMPILE else loss_of
    data = list(batches(task, shape, batch, classes, count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    state = {"step": 0, "loss": 0.0}

    def step():
        x, y = data[state["step"] % count]
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        state["step"] += 1
        state["loss"] = loss.item()

    timing = measure(step)
    timing |= {"loss": state["loss"], "steps": state["step"], "peak_rss_mb": peak_rss_mb(),
               "rss_before_training_mb": before}
    labels, unit = (batch * shape, "tokens/s") if is_symbols else (batch, "samples/s")
    emit(task, f"torch-{VARIANT}", labels / timing["median_s"], unit, True, timing)


def dcgan(task):
    """A step of the discriminator on real and generated images, then one of the generator."""
    latent, batch = 64, 64
    generator = nn.Sequential(
        nn.Linear(latent, 7 * 7 * 128), nn.Unflatten(1, (128, 7, 7)),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(7 * 7 * 128, 1),
    )
    if CHANNELS_LAST:
        generator, discriminator = (
            m.to(memory_format=torch.channels_last) for m in (generator, discriminator))
    criterion = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)

    def adam(model):
        return torch.optim.Adam(
            model.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True if FUSED else None)

    optimizers = adam(generator), adam(discriminator)

    def discriminator_loss(real, fake):
        return criterion(discriminator(real), ones) + criterion(discriminator(fake), zeros)

    def generator_loss(fake):
        return criterion(discriminator(fake), ones)

    parts = generator, discriminator_loss, generator_loss
    make, judge, fool = (torch.compile(f) for f in parts) if COMPILE else parts
    data = [x for x, _ in batches("dcgan-28", (1, 28, 28), batch, 1, 8)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    state = {"step": 0, "loss": 0.0}

    def step():
        real = data[state["step"] % len(data)]
        fake = make(torch.randn(batch, latent))
        optimizers[1].zero_grad(set_to_none=True)
        loss = judge(real, fake.detach())
        loss.backward()
        optimizers[1].step()
        # The gradients of the discriminator's weights are not needed here, so none are computed.
        discriminator.requires_grad_(False)
        optimizers[0].zero_grad(set_to_none=True)
        fooled = fool(fake)
        fooled.backward()
        optimizers[0].step()
        discriminator.requires_grad_(True)
        state["step"] += 1
        state["loss"] = loss.item()
        fooled.item()

    timing = measure(step)
    timing |= {"loss": state["loss"], "steps": state["step"], "peak_rss_mb": peak_rss_mb(),
               "rss_before_training_mb": before}
    emit(task, f"torch-{VARIANT}", batch / timing["median_s"], "samples/s", True, timing)


def infer(task, batch):
    model = keras_cnn().eval()
    if CHANNELS_LAST:
        model = model.to(memory_format=torch.channels_last)
    forward = torch.compile(model) if COMPILE else model
    data = [x for x, _ in batches(task, (3, 150, 150), batch, 1, 8)]
    state = {"i": 0, "sum": 0.0}

    def call():
        with torch.inference_mode():
            state["sum"] = torch.sigmoid(forward(data[state["i"] % 8])).sum().item()
        state["i"] += 1

    timing = measure(call)
    timing |= {"sum": state["sum"], "peak_rss_mb": peak_rss_mb()}
    if batch == 1:
        emit(task, f"torch-{VARIANT}", 1e3 * timing["median_s"], "ms", False, timing)
    else:
        emit(task, f"torch-{VARIANT}", batch / timing["median_s"], "samples/s", True, timing)


def generate(task, length=500):
    """Characters one by one from the model of `char-lstm`, each drawn from its probabilities."""
    model = Characters(nn.LSTM).eval()

    def step(symbol, state):
        hidden, state = model.recurrent(model.embedding(symbol), state)
        return torch.softmax(model.head(hidden[:, 0]), -1), state

    step = torch.compile(step) if COMPILE else step
    total = {"sum": 0}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def call():
        with torch.inference_mode():
            symbol, state, written = torch.zeros(1, 1, dtype=torch.long), None, []
            for _ in range(length):
                probabilities, state = step(symbol, state)
                symbol = torch.multinomial(probabilities, 1)
                written.append(symbol.item())
            total["sum"] = sum(written)

    timing = measure(call) | total
    timing |= {"peak_rss_mb": peak_rss_mb(), "rss_before_training_mb": before}
    emit(task, f"torch-{VARIANT}", length / timing["median_s"], "characters/s", True, timing)


def linear(task):
    """1000 epochs of full-batch gradient descent by autograd on 1000 points."""
    x = torch.from_numpy((2 * uniform(1, 1000) - 1).astype(np.float32))
    y = 3 * x + 2 + 0.1 * torch.from_numpy(common.normal(2, 1000).astype(np.float32))
    state = {}

    def run():
        w = torch.zeros((), requires_grad=True)
        b = torch.zeros((), requires_grad=True)
        for _ in range(1000):
            loss = ((w * x + b - y) ** 2).mean()
            loss.backward()
            with torch.no_grad():
                w -= 0.1 * w.grad
                b -= 0.1 * b.grad
                w.grad = b.grad = None
        state["w"], state["b"] = w.item(), b.item()

    timing = measure(run) | state
    emit(task, "torch-tensors-autograd", timing["median_s"], "s", False, timing)


for task, arguments in TASKS.items():
    is_image = not isinstance(arguments[1], int) and len(arguments[1]) == 3
    if wanted(task) and (is_image or not CHANNELS_LAST):
        train(task, *arguments)
if wanted("dcgan-28"):
    dcgan("dcgan-28")
if wanted("keras-cnn-150-infer/batch32"):
    infer("keras-cnn-150-infer/batch32", 32)
if wanted("keras-cnn-150-infer/batch1"):
    infer("keras-cnn-150-infer/batch1", 1)
if wanted("generate-lstm") and not CHANNELS_LAST:
    generate("generate-lstm")
if VARIANT == "eager" and wanted("linear-regression-1000x1000"):
    linear("linear-regression-1000x1000")
