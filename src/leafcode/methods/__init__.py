"""Ways to make codes from embeddings and a category tree, all behind one interface."""

from leafcode.methods.lda_rq_kmeans import LDARQKMeans
from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.methods.rq_kmeans import RQKMeans
from leafcode.methods.supervised_contrast import SupervisedContrast
from leafcode.methods.tag_heads import TagHeads
from leafcode.methods.tree import Tree
from leafcode.methods.triplets import Triplets
from leafcode.methods.without_tree import WithoutTree

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        RQKMeans(),
        LDARQKMeans(),
        WithoutTree(),
        SupervisedContrast(),
        TagHeads(),
        Triplets(),
        Tree(),
    )
}
"""Every method by name, in the order in which tables list them."""

__all__ = ["METHODS", "Method", "Task", "TrainedMethod"]
