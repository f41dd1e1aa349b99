"""`ringfence fence …`: one file per command, loaded when it is called."""

from cyclopts import App

fence = App(
    name="fence",
    help="Fence jobs off along the way their data flows, and prove that the fence holds.",
    result_action="return_value",
)

_COMMANDS = {
    "plan": "ringfence.cli.fence.design:plan",
    "prove": "ringfence.cli.fence.design:prove",
    "learn": "ringfence.cli.fence.learn:learn",
    "apply": "ringfence.cli.fence.change:apply",
    "status": "ringfence.cli.fence.change:status",
    "drift": "ringfence.cli.fence.change:drift",
    "undo": "ringfence.cli.fence.change:undo",
    "journal": "ringfence.cli.fence.journal:journal",
    "serve": "ringfence.cli.fence.serve:serve",
    "nodes": "ringfence.cli.fence.serve:nodes",
    "order": "ringfence.cli.fence.serve:order",
    "follow": "ringfence.cli.fence.follow:follow",
    "follow-pods": "ringfence.cli.fence.follow_pods:follow_pods",
    "install-hooks": "ringfence.cli.fence.install_hooks:install_hooks",
    "allows": "ringfence.cli.fence.allows:allows",
}
for _name, _target in _COMMANDS.items():
    fence.command(_target, name=_name)
