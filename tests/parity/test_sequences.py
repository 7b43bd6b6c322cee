"""Recurrence, masks and attention, trained both ways."""

import keras
import pytest
from keras import layers

from tests.parity.zoo import WHOLE, assert_parity, cases, draws, integers

TOKENS = integers(7, 6, low=1)
TOKENS[::2, 4:] = 0  # every other sentence is shorter


def compiled(inputs, x, units=1, loss="mse", **compiling):
    model = keras.Model(inputs, layers.Dense(units)(x))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, **compiling)
    return model


RECURRENT = {
    "LSTM_dropouts": lambda: layers.LSTM(3, dropout=0.2, recurrent_dropout=0.3),
    "GRU_dropouts": lambda: layers.GRU(3, dropout=0.2, recurrent_dropout=0.2, reset_after=False),
    "SimpleRNN_backwards": lambda: layers.SimpleRNN(3, recurrent_dropout=0.2, go_backwards=True),
    "Bidirectional_dropouts": lambda: layers.Bidirectional(
        layers.SimpleRNN(2, dropout=0.2), merge_mode="sum"
    ),
    "StackedRNNCells": lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]),
}


@pytest.mark.long
@pytest.mark.parametrize("recurrent", cases(RECURRENT, quick=["LSTM_dropouts"]))
def test_recurrence_over_masked_tokens(recurrent):
    def build():
        tokens = keras.Input((6,), dtype="int32")
        embedded = layers.Embedding(7, 4, mask_zero=True)(tokens)
        return compiled(tokens, recurrent()(embedded))

    assert_parity(build, TOKENS, draws(1, seed=1), batch_size=WHOLE)


@pytest.mark.long
def test_masks_through_layers_with_a_last_partial_batch():
    def build():
        inputs = keras.Input((6, 2))
        x = layers.Masking()(inputs)
        x = layers.TimeDistributed(layers.Dense(3))(x)
        x = layers.SimpleRNN(2, return_sequences=True)(x)
        return compiled(inputs, layers.GlobalAveragePooling1D()(x))

    x = draws(6, 2)
    x[::2, 3:] = 0
    assert_parity(build, x, draws(1, seed=1))


@pytest.mark.long
def test_convolutional_recurrence():
    def build():
        inputs = keras.Input((3, 4, 2))
        return compiled(inputs, layers.Flatten()(layers.ConvLSTM1D(2, 2, dropout=0.2)(inputs)))

    assert_parity(build, draws(3, 4, 2), draws(1, seed=1), batch_size=WHOLE)


def test_states_that_go_from_batch_to_batch():
    def build():
        inputs = keras.Input(batch_shape=(9, 3, 2))
        return compiled(inputs, layers.LSTM(3, stateful=True)(inputs))

    assert_parity(build, draws(3, 2), draws(1), batch_size=9)


ATTENTION = {
    "MultiHeadAttention_causal": lambda x: layers.MultiHeadAttention(2, 3, dropout=0.1)(
        x, x, use_causal_mask=True
    ),
    "GroupQueryAttention": lambda x: layers.GroupQueryAttention(3, 4, 2)(x, x),
    "Attention_AdditiveAttention": lambda x: layers.Attention(use_scale=True, dropout=0.1)(
        [x, layers.AdditiveAttention()([x, x])]
    ),
}


# Keras's own: its grouped attention drops the mask of its inputs and says so.
@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask attached")
@pytest.mark.parametrize("attend", cases(ATTENTION, quick=["MultiHeadAttention_causal"]))
def test_attention_in_a_residual_block(attend):
    def build():
        tokens = keras.Input((6,), dtype="int32")
        x = layers.Embedding(7, 4, mask_zero=True)(tokens)
        x = layers.LayerNormalization()(layers.Add()([x, attend(x)]))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return compiled(tokens, x, 7, loss, metrics=["accuracy"])

    assert_parity(build, TOKENS, integers(7, 6, seed=1), batch_size=WHOLE)
