"""`ringfence fence follow-pods`: the process that keeps a Kubernetes cluster's fence true as pods come and go."""

from pathlib import Path

from ringfence.cli.extra import needs_fence
from ringfence.cli.fence.change import Really
from ringfence.cli.fence.design import Overrides


def follow_pods(
    server: Path, /, *, estate: Path, kubeconfig: str = "", context: str = "", cluster: str = "", site_name: str = "",
    overrides: Overrides = None, really: Really = False,
) -> int:  # fmt: skip
    """Follow a Kubernetes cluster's pods until ended: policies stay true, and nodes learn which pods may start.

    Says what it would do unless `--apply`: the API server then checks every change and keeps none. Runs beside
    `ringfence fence serve`, through which nodes are told (target `pods`, for the pod gate).

    Example: `ringfence fence follow-pods /etc/ringfence/server --estate now.estate --kubeconfig fence.conf --apply`

    Parameters
    ----------
    server
        The order server's folder.
    estate
        The saved estate; its pods are replaced by those that the API shows now.
    kubeconfig
        The account to act as; default: kubectl's own file, or the pod's own account inside a cluster.
    context
        The kubeconfig's context; default: the current one.
    cluster
        The cluster's name in the estate, where that has several.
    site_name
        What stands before host names where several clusters reuse them.
    """
    with needs_fence():
        from ringfence.app.follow.pods_run import start
        from ringfence.app.follow.settings import Settings

        settings = Settings(cluster, site_name, overrides=tuple(map(str, overrides or ())))
        start(server, estate, settings, kubeconfig=kubeconfig, context=context, apply=really)
    return 0
