"""Ways to read a sentence: a bag of words, convolutions, a recurrent layer, attention.

    kohort run examples/text.py

The question: from which library's documentation is this sentence? The text is the docstrings of
what kohort itself needs (NumPy, SciPy, pandas, Keras, JAX), so nothing is fetched, and numbers
differ a little with the versions installed. Sources are parsed and never run. Names of libraries
are left out, each sentence counts once, and no source file is on both sides of a split.
"""

import ast
import importlib.util
import re
from collections import Counter
from itertools import groupby
from pathlib import Path

import kohort  # before keras: it chooses Keras's JAX backend

import keras  # isort: skip
import numpy as np

LIBRARIES = ("numpy", "scipy", "pandas", "keras", "jax")
TELLTALE = re.compile("|".join([*LIBRARIES, "torch", "tensorflow", "^(np|sp|pd|jnp|tf|lax|xla)$"]))
SKIPPED = {"tests", "test", "testing", "api", "_tf_keras"}  # The last two repeat the rest of Keras.
SENTENCE = re.compile(r"[A-Z](?:(?!---)[^:=>|])*\.")
LENGTHS = range(6, 41)
PER_FILE = 100  # So that no single file speaks for its library.

VOCABULARY, LENGTH = 4000, 24
PADDING, UNKNOWN = 0, 1


def indent(line):
    """How many blanks a line begins with; none where it is empty."""
    return len(line) - len(line.lstrip()) if line.strip() else None


def sentences(docstring):
    """The sentences of a docstring's prose: no sections, signatures, tables or code."""
    # Lines of one indent belong together; a section's title and underline are not prose.
    for _, lines in groupby(docstring.splitlines(), indent):
        paragraph = " ".join(line.strip() for line in lines)
        for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", paragraph):
            if SENTENCE.fullmatch(sentence):
                yield sentence


def words(sentence):
    """Its words, in lower case, without the names that give the library away."""
    return tuple(w for w in re.findall("[a-z]+", sentence.lower()) if not TELLTALE.search(w))


def read_file(path):
    """Every sentence of a source file's docstrings, as words; each once."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [n for n in ast.walk(ast.parse(path.read_bytes())) if isinstance(n, documented)]
    read = [words(s) for node in nodes for s in sentences(ast.get_docstring(node) or "")]
    return [sentence for sentence in dict.fromkeys(read) if len(sentence) in LENGTHS]


def read_library(name, wanted, seen):
    """About `wanted` sentences of a library, file by file; `seen` holds those met before."""
    root = Path(importlib.util.find_spec(name).submodule_search_locations[0])
    files = [f for f in sorted(root.rglob("*.py")) if not SKIPPED & set(f.relative_to(root).parts)]
    read, count = [], 0
    for number in np.random.default_rng(0).permutation(len(files)):
        new = [s for s in read_file(files[number]) if s not in seen][:PER_FILE]
        seen.update(new)
        if new:
            read.append(new)
        count += len(new)
        if count >= wanted:
            break
    return read


def as_numbers(read, vocabulary):
    """Sentences as rows of word numbers, cut or padded to one length: `[sentence, word]`."""
    number_of = {word: number for number, word in enumerate(vocabulary, start=UNKNOWN + 1)}
    rows = np.full((len(read), LENGTH), PADDING, np.int32)
    for row, sentence in zip(rows, read, strict=True):
        numbers = [number_of.get(word, UNKNOWN) for word in sentence[:LENGTH]]
        row[: len(numbers)] = numbers
    return rows


def docstrings(wanted=4000, test_share=0.15):
    """The docstrings as a Dataset; the files that test are others than those that train."""
    sides, groups, seen = {"train": [], "test": []}, [], set()
    for label, library in enumerate(LIBRARIES):
        left = test_share * wanted
        for file, own in enumerate(read_library(library, wanted, seen)):
            side = "test" if left > 0 else "train"
            sides[side] += [(sentence, label) for sentence in own]
            groups += [label * 10_000 + file] * len(own) * (side == "train")
            left -= len(own)
    counts = Counter(word for sentence, _ in sides["train"] for word in sentence)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = ranked[: VOCABULARY - 2]
    x, y = (
        {side: [pair[part] for pair in pairs] for side, pairs in sides.items()} for part in (0, 1)
    )
    return kohort.Dataset(
        as_numbers(x["train"], vocabulary), np.array(y["train"]),
        as_numbers(x["test"], vocabulary), np.array(y["test"]),
        class_names=LIBRARIES, groups=np.array(groups), name="docstrings",
    )  # fmt: skip


def bag(embedded):
    """The mean of the words."""
    return keras.layers.GlobalAveragePooling1D()(embedded)


def convolution(embedded):
    """Runs of three words, and of each pattern where it is strongest."""
    patterns = keras.layers.Conv1D(64, 3, padding="same", activation="relu")(embedded)
    return keras.layers.GlobalMaxPooling1D()(patterns)


def gru(embedded):
    """Word after word."""
    return keras.layers.GRU(32)(embedded)


def attention(embedded):
    """The mean of the words, each with what it takes from the others."""
    mixed = keras.layers.MultiHeadAttention(num_heads=1, key_dim=32)(embedded, embedded)
    return bag(keras.layers.LayerNormalization()(embedded + mixed))


def build(reader, dropout=None):
    """A compiled classifier: words embedded in 32 dimensions, read by `reader`, then a softmax."""
    inputs = keras.Input((LENGTH,))
    # Convolutions take no mask; that padding is padding they have to learn.
    embedding = keras.layers.Embedding(VOCABULARY, 32, mask_zero=reader is not convolution)
    embedded = embedding(inputs)
    if dropout:
        embedded = keras.layers.Dropout(dropout)(embedded)
    outputs = keras.layers.Dense(len(LIBRARIES), "softmax")(reader(embedded))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


study = kohort.Study(
    "docstrings: ways to read a sentence",
    [
        kohort.Variant("bag of words", build, reader=bag),
        kohort.Variant("bag of words dropout 0.5", build, reader=bag, dropout=0.5),
        kohort.Variant("convolution", build, reader=convolution),
        kohort.Variant("convolution dropout 0.2", build, reader=convolution, dropout=0.2),
        kohort.Variant("convolution dropout 0.5", build, reader=convolution, dropout=0.5),
        kohort.Variant("GRU", build, reader=gru),
        kohort.Variant("attention", build, reader=attention),
    ],
    docstrings(),
    replicates=kohort.Holdout(0.2, repeats=5),
    epochs=8,
    batch_size=64,
)
