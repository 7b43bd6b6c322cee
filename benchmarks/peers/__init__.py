"""The peers: what each is, what runs it, and what it can train."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.work import Work

OWN, TENSORFLOW, PEERS_ENVIRONMENT = "kohort", "tensorflow", "peers"


def everything(_: Work) -> bool:
    """Any work item."""
    return True


def only_study(work: Work) -> bool:
    """The study."""
    return work.is_study


def only_cohorts(work: Work) -> bool:
    """Several members of one net without penalties or dropout."""
    return not work.is_study and work.members > 1


def only_dense(work: Work) -> bool:
    """Dense nets without penalties or dropout."""
    return not work.is_study and not any(net.filters for net in work.variants.values())


@dataclass(frozen=True)
class Peer:
    """A program that trains a work item in a process of its own.

    Args:
        environment: Whose interpreter runs it.
        module: What that interpreter runs.
        arguments: Its further arguments.
        precision: "float32" or "bfloat16".
        variables: Environment variables.
        trains: Whether it can train a work item.
    """

    environment: str
    module: str
    arguments: tuple[str, ...] = ()
    precision: str = "float32"
    variables: Mapping[str, str] = field(default_factory=dict)
    trains: Callable[[Work], bool] = everything


def _keras(backend: str, *arguments: str, environment: str = PEERS_ENVIRONMENT) -> Peer:
    return Peer(environment, "keras_fit", arguments, variables={"KERAS_BACKEND": backend})


_FLOAT32 = {
    "kohort": Peer(OWN, "kohort_fit"),
    "keras-jax": _keras("jax", environment=OWN),
    "keras-jax-scan": _keras("jax", "--steps", "32", environment=OWN),
    "keras-jax-nojit": _keras("jax", "--jit", "no", environment=OWN),
    "keras-tensorflow": _keras("tensorflow", environment=TENSORFLOW),
    "keras-tensorflow-scan": _keras("tensorflow", "--steps", "32", environment=TENSORFLOW),
    "keras-tensorflow-nojit": _keras("tensorflow", "--jit", "no", environment=TENSORFLOW),
    "keras-torch": _keras("torch"),
    "torch": Peer(PEERS_ENVIRONMENT, "torch_loop"),
    "torch-func": Peer(PEERS_ENVIRONMENT, "torch_loop", ("--vmap",), trains=only_cohorts),
    "sklearn": Peer(PEERS_ENVIRONMENT, "sklearn_mlp", trains=only_dense),
    "kerastuner": Peer(
        PEERS_ENVIRONMENT, "tuner_grid", variables={"KERAS_BACKEND": "jax"}, trains=only_study
    ),
}


def _in_bfloat16(peer: Peer) -> Peer:
    arguments = (*peer.arguments, "--precision", "bfloat16")
    return Peer(peer.environment, peer.module, arguments, "bfloat16", peer.variables, peer.trains)


PEERS = _FLOAT32 | {
    f"{name}-bfloat16": _in_bfloat16(peer) for name, peer in _FLOAT32.items() if name != "sklearn"
}
"""All peers by name. "-scan" takes 32 steps an execution; scikit-learn has no bfloat16."""


def _breadth(backend: str, environment: str, *arguments: str) -> Peer:
    return Peer(environment, "breadth_fit", arguments, variables={"KERAS_BACKEND": backend})


def breadth_members(members: int) -> Peer:
    """So many models of a kind by one `kohort.fit`."""
    return _breadth("jax", OWN, "--kohort", str(members))


MEMBERS = 8
COHORT = f"kohort-x{MEMBERS}"
BREADTH = {
    "kohort": breadth_members(1),
    COHORT: breadth_members(MEMBERS),
    "keras-jax": _breadth("jax", OWN),
    "keras-tensorflow": _breadth("tensorflow", TENSORFLOW),
    "keras-torch": _breadth("torch", PEERS_ENVIRONMENT),
    "torch": Peer(PEERS_ENVIRONMENT, "breadth_torch"),
}
"""What trains the models of `benchmarks.breadth`."""
