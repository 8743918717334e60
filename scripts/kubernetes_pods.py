#!/usr/bin/env python3
"""Prints the documents of manifests for the schemas of Kubernetes: scripts/kubernetes_pods.py FILE…

Of a kind that Kubernetes itself does not know, an MPIJob or a JobSet, it prints what its operator makes of it: pods and jobs. A
JobSet must be equal to what the models of its authors (kubeflow_trainer_api) read of it, so that no field is unknown to them."""

import sys

import yaml
from kubeflow_trainer_api.models import JobsetV1alpha2JobSet


def lost(given, read, path=""):
    """The first field that the models have not read."""
    if isinstance(given, dict) and isinstance(read, dict):
        for name, value in given.items():
            if name not in read:
                return f"{path}.{name}"
            if found := lost(value, read[name], f"{path}.{name}"):
                return found
    elif isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        for i, (a, b) in enumerate(zip(given, read)):
            if found := lost(a, b, f"{path}[{i}]"):
                return found
    elif given != read:
        return path
    return None


def named(spec):
    """Raises an error if a set mentions a job that it has not, or a condition that the models do not check."""
    policy, before = spec.get("successPolicy", {"operator": "All"}), []
    for job in spec["replicatedJobs"]:
        for d in job.get("dependsOn", []):
            if d["name"] not in before or d["status"] not in ("Ready", "Complete"):
                raise ValueError(f"{job['name']} depends on {d}")
        before.append(job["name"])
    if policy["operator"] not in ("All", "Any") or set(policy.get("targetReplicatedJobs", [])) - set(before):
        raise ValueError(f"successPolicy: {policy}")


def documents(d):
    """What Kubernetes gets of a document."""
    name = {"metadata": {"name": d["metadata"]["name"]}}
    if d["kind"] == "MPIJob":
        for spec in d["spec"]["mpiReplicaSpecs"].values():
            yield {"apiVersion": "v1", "kind": "PodTemplate", **name, "template": spec["template"]}
    elif d["kind"] == "JobSet":
        if field := lost(d, JobsetV1alpha2JobSet.from_dict(d).to_dict()):
            raise ValueError(f"{field}: JobSet knows no such field")
        named(d["spec"])
        for job in d["spec"]["replicatedJobs"]:
            yield {"apiVersion": "batch/v1", "kind": "Job", **name, **job["template"]}
    else:
        yield d


class Plain(yaml.SafeDumper):
    """Writes every document out in full."""

    def ignore_aliases(self, data):
        return True


for path in sys.argv[1:]:
    with open(path) as file:
        for document in yaml.safe_load_all(file):
            try:
                yaml.dump_all(documents(document), sys.stdout, Dumper=Plain, explicit_start=True)
            except ValueError as e:
                sys.exit(f"{path}: {e}")
