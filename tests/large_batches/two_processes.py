"""Two processes train one global batch; the test beside it compares their gradients with those of one.

Writes the loss and the gradients of every way, and the message of the error for unequal shapes.
"""

import gc
import sys

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from leafcode.errors import InputError
from leafcode.large_batches import GradientCache, gather_with_gradient, own_rows, process_weight
from leafcode.losses import graded_contrastive_loss
from leafcode.sampling import HierarchicalBatchSampler, ShardedBatchSampler
from leafcode.taxonomy import Grades, Taxonomy

PATHS = [f"{root} > {leaf}" for root in "ABC" for leaf in "xyz" for _ in range(8)]
TREE, NODES = Taxonomy.from_paths(PATHS)
ANCESTORS = torch.from_numpy(np.array(TREE.ancestors))
FEATURES = torch.randn(len(PATHS), 6, generator=torch.Generator().manual_seed(1))


def make_encoder():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))


def make_sampler():
    return HierarchicalBatchSampler(NODES, TREE, batch_size=16, seed=3)


def relevance(nodes, others):
    return Grades.default().matrix(ANCESTORS[nodes], ANCESTORS[others])


def whole_batch(embeddings, nodes):
    """Every process takes the loss of the whole batch."""
    embeddings, nodes = gather_with_gradient(embeddings), gather_with_gradient(nodes)
    return graded_contrastive_loss(embeddings, relevance(nodes, nodes)).loss


def own_anchors(embeddings, nodes):
    """Every process takes the loss of its own anchors among all candidates."""
    everything, all_nodes = gather_with_gradient(embeddings), gather_with_gradient(nodes)
    pairs = relevance(nodes, all_nodes)
    pairs[:, own_rows(len(nodes))].fill_diagonal_(torch.nan)
    output = graded_contrastive_loss(embeddings, pairs, candidates=everything)
    return output.loss * process_weight(output.anchors)


def main(out):
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    sampler = ShardedBatchSampler(make_sampler(), rank, world)
    results = {}
    for step in range(2):
        items = sampler.step_batch(step * len(sampler))
        features, nodes = FEATURES[items], torch.from_numpy(NODES[items]).long()
        for name, loss_fn in (("whole", whole_batch), ("own", own_anchors), ("cached", whole_batch)):
            model = DistributedDataParallel(make_encoder())
            if name == "cached":
                loss = GradientCache(model, loss_fn, chunk_size=3).backward(features, nodes=nodes)
            else:
                loss = loss_fn(model(features), nodes)
                loss.backward()
            mean = loss.detach() / world
            dist.all_reduce(mean)
            results[f"{name}.{step}.loss"] = mean.numpy()
            for place, parameter in enumerate(model.parameters()):
                results[f"{name}.{step}.{place}"] = parameter.grad.numpy()
    try:
        gather_with_gradient(torch.ones(2 + rank, 3))
    except InputError as error:
        results["error"] = np.array(str(error))
    if rank == 1:
        np.savez(out, **results)
    # A model or graph that outlives the process group keeps threads of it, and at the end of the process
    # these abort it, now and then.
    del model, loss, mean
    gc.collect()
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
