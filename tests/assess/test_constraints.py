"""What no patch mends becomes a constraint; the policy reads it, a proof says whether it is kept."""

import pytest
from msgspec.structs import replace

from ringfence.app.assess.audit import prepared
from ringfence.app.fence.constrain import constrained as judged_by
from ringfence.app.fence.constrain import in_force, read_back
from ringfence.app.fence.design import Design, design_of
from ringfence.app.fence.run import Outcome
from ringfence.assess.check import Verdict
from ringfence.assess.checks.constraint_in_force import CHECK
from ringfence.assess.constraints import constrained, constraints
from ringfence.assess.judge import judge_one, results
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.constraints import required, unmet
from ringfence.segment.model import Difference, Residual
from ringfence.synth import draw, facts

CLUSTER = "cluster:hpc"


def required_of(*facts: Fact) -> set[tuple[str, str]]:
    found = constraints(estate_of(facts))
    return {(fact.subject, fact.object) for fact in found if fact.predicate == "requires_constraint"}


def test_an_escape_from_containers_asks_for_own_images_on_its_host() -> None:
    """Only where the flaw is there: an unknown one gives nothing."""
    there = Fact("host:n1", "vulnerable_to", "CVE-2025-23266", {"verdict": "affected", "gives": "container-escape"})
    maybe = Fact("host:n2", "vulnerable_to", "CVE-2025-23266", {"verdict": "unknown"})
    assert required_of(there, maybe) == {("host:n1", "own-images-only")}


def test_links_between_accelerators_ask_for_one_tenant() -> None:
    one = Fact("gpu:a", "nvlink_member", "nvlink:d/0")
    other = Fact("gpu:b", "nvlink_member", "nvlink:d/0")
    assert required_of(one, other) == {("nvlink:d/0", "one-tenant")}
    assert required_of(one) == set()


def test_gddr6_without_ecc_asks_for_no_foreign_neighbour() -> None:
    kind = Fact("gpu:a", "setting", "memory_type=gddr6")
    assert required_of(kind, Fact("gpu:a", "setting", "ecc=off")) == {("gpu:a", "no-foreign-neighbour")}
    assert required_of(kind, Fact("gpu:a", "setting", "ecc=on")) == set()
    assert required_of(kind) == set()


@pytest.mark.parametrize(
    ("model", "asks"),
    [
        ("NVIDIA RTX A6000", True),
        ("NVIDIA A10", True),
        ("NVIDIA L40S", True),
        ("Quadro RTX 8000", True),
        ("NVIDIA RTX 4000 SFF Ada Generation", True),
        ("NVIDIA A100-SXM4-40GB", False),
        ("NVIDIA H100 80GB HBM3", False),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", False),
        ("AMD Instinct MI300X", False),
    ],
)
def test_where_no_fact_says_which_memory_it_is_the_name_of_the_card_does(model: str, asks: bool) -> None:
    card = Fact("host:n1", "has_gpu", "gpu:a", {"model": model})
    wanted = {("gpu:a", "no-foreign-neighbour")} if asks else set()
    assert required_of(card, Fact("gpu:a", "setting", "ecc=off")) == wanted
    assert required_of(card) == set()
    assert required_of(card, Fact("gpu:a", "setting", "ecc=off"), Fact("gpu:a", "setting", "memory_type=hbm")) == set()


def test_a_card_of_unknown_memory_without_ecc_is_told_and_no_more_once_it_is_known() -> None:
    """Nothing is required of it, and nothing is passed over."""
    ecc = Fact("gpu:a", "setting", "ecc=off")
    before = constrained(estate_of([Fact("host:n1", "has_gpu", "gpu:a", {"model": "Card X"}), ecc]))
    (hole,) = before.facts("asked")
    assert (hole.subject, hole.attributes["answered"]) == ("gpu:a", False)
    assert "Card X" in str(hole.attributes["reason"])
    assert before.table("requires_constraint").count == 0
    after = constrained(before.with_delta([Fact("gpu:a", "setting", "memory_type=gddr6")], []))
    assert (after.table("asked").count, after.table("requires_constraint").count) == (0, 1)


def test_what_is_mended_is_required_no_more() -> None:
    """Each time the constraints are derived anew."""
    ecc = Fact("gpu:a", "setting", "ecc=off")
    before = constrained(estate_of([Fact("gpu:a", "setting", "memory_type=gddr6"), ecc]))
    after = constrained(before.with_delta([Fact("gpu:a", "setting", "ecc=on")], [ecc]))
    assert before.table("requires_constraint").count == 1
    assert after.table("requires_constraint").count == 0


def site(tenants: dict[str, str], domain: bool = True) -> Estate:
    """Two hosts of one Slurm cluster; `tenants` → the partition that each may submit to (p1: n1, p2: n2)."""
    facts = [Fact(f"host:n{at}", "in_cluster", CLUSTER) for at in (1, 2)]
    for at in (1, 2):
        partition, gpu = f"partition:hpc/p{at}", f"gpu:g{at}"
        facts += [
            Fact(f"host:n{at}", "in_partition", partition),
            Fact(partition, "in_cluster", CLUSTER),
            Fact(partition, "setting", f"nodes=n{at}"),
            Fact(partition, "setting", "OverSubscribe=EXCLUSIVE"),
            Fact(f"host:n{at}", "has_gpu", gpu, {"index": 0}),
        ]
        facts += [Fact(gpu, "nvlink_member", "nvlink:d/0")] if domain else []
    for tenant, partition in tenants.items():
        name = tenant.partition(":")[2]
        facts += [
            Fact(tenant, "may_submit", f"partition:hpc/{partition}"),
            Fact(f"identity:{name}", "in_tenant", tenant),
            Fact(f"identity:{name}", "may_submit", f"partition:hpc/{partition}"),
        ]
    return constrained(estate_of(facts))


def test_a_domain_over_several_hosts_that_several_tenants_may_enter_is_told_by_the_policy() -> None:
    """It stands among the residuals, and opens nothing: neither end is an endpoint."""
    design = Design(site({"tenant:a": "p1", "tenant:b": "p2"}), now=0.0)
    told = [one for one in design.policy.residuals if one.target_name == "constraints"]
    assert [one.source for one in told] == ["constraint one-tenant"]
    assert "tenant:a" in told[0].why
    assert "tenant:b" in told[0].why
    assert told[0].pairs == 0


def linked(*facts: Fact) -> dict[str, str]:
    """Why a domain of two hosts is not known to be kept → what to do, with nothing else but these facts."""
    links = [
        fact
        for at in (1, 2)
        for fact in (
            Fact(f"host:n{at}", "has_gpu", f"gpu:g{at}", {"index": 0}),
            Fact(f"gpu:g{at}", "nvlink_member", "nvlink:d/0"),
        )
    ]
    policy = Design(constrained(estate_of([*links, *facts])), now=0.0).policy
    return {one.why: one.remedy for one in policy.residuals if one.target_name == "constraints"}


def test_what_to_do_about_a_domain_of_unknown_tenants_fits_who_places_work_there() -> None:
    """No partition can be captured of Kubernetes; of a host of both, Slurm tells."""
    nodes = [Fact(f"host:n{at}", "in_cluster", "cluster:k8s") for at in (1, 2)]
    space = Fact("namespace:k8s/team", "in_cluster", "cluster:k8s")
    ((why, remedy),) = linked(*nodes, space).items()
    assert why == "nobody says whose pods may start on host:n1"
    assert "scontrol" not in remedy
    assert "taint" in remedy
    partition = Fact("partition:hpc/p", "in_cluster", CLUSTER)
    of_both = [*nodes, space, partition, *(Fact(f"host:n{at}", "in_cluster", CLUSTER) for at in (1, 2))]
    assert [*linked(*of_both).values()] == ["capture `scontrol show partition` of its cluster"]
    assert [*linked(*nodes).values()] == ["capture the scheduler of its cluster: of Slurm `scontrol show partition`"]


def test_a_domain_of_one_tenant_is_kept_by_the_policy() -> None:
    design = Design(site({"tenant:a": "p1"}), now=0.0)
    told = list(unmet(required(design.estate), design.policy))
    assert all("work of" not in one.why for one in told)


def facts_of(estate: Estate) -> dict[str, Fact]:
    design = Design(estate, targets=["slurm"], now=0.0)
    return {fact.subject: fact for fact in in_force(design, design.proofs, now=9.0)}


def test_a_proof_says_that_two_tenants_meet_in_a_domain() -> None:
    """And the check on facts alone fails."""
    estate = site({"tenant:a": "p1", "tenant:b": "p2"})
    assert facts_of(estate)["nvlink:d/0"].attributes["held"] is False
    design = Design(estate, targets=["slurm"], now=0.0)
    assert verdict(judged_by(design, design.proofs, now=9.0)) == {"nvlink:d/0": Verdict.FAILED}


def test_without_a_proof_nothing_is_in_force_and_nothing_is_said() -> None:
    """Unknown, never passed."""
    estate = site({"tenant:a": "p1", "tenant:b": "p2"})
    design = Design(estate, targets=["slurm"], now=0.0)
    assert list(in_force(design, {}, now=9.0)) == []
    assert verdict(estate) == {"nvlink:d/0": Verdict.UNKNOWN}


def test_a_later_proof_takes_the_place_of_an_earlier_one() -> None:
    estate = site({"tenant:a": "p1", "tenant:b": "p2"})
    design = Design(estate, targets=["slurm"], now=0.0)
    once = judged_by(design, design.proofs, now=9.0)
    later = Design(once, targets=["slurm"], now=0.0)
    assert judged_by(later, {}, now=10.0).table("constraint_in_force").count == 0


def generated() -> Design:
    """A drawn cluster whose every tenant has its own hosts, with a Slurm part of the fence that holds."""
    return Design(constrained(estate_of(facts(draw(64, 7)))), targets=["slurm"], now=0.0)


def test_a_proof_of_compiled_files_alone_is_no_force_and_says_so() -> None:
    """Only what was read back lets it pass; the two stand beside each other."""
    design = generated()
    proven = judged_by(design, design.proofs, now=9.0)
    kept = {fact.subject for fact in proven.facts("constraint_in_force") if fact.attributes["held"]}
    assert {fact.attributes["by"] for fact in proven.facts("constraint_in_force")} == {"proof"}
    found = {one.subject: one for one in results(proven, judge_one(proven, CHECK))}
    assert {found[one].verdict for one in kept} == {Verdict.UNKNOWN}
    assert all("shows no force" in found[one].reason for one in kept)
    later = Design(proven, targets=["slurm"], now=0.0)
    both = read_back(later, [], [], now=10.0)
    assert {fact.attributes["by"] for fact in both.facts("constraint_in_force")} == {"proof", "read-back"}
    assert {verdict(both)[one] for one in kept} == {Verdict.PASSED}


def test_an_audit_asks_for_constraints_without_any_bulletin() -> None:
    """Twice over it is the same."""
    told = [Fact(f"gpu:{name}", "nvlink_member", "nvlink:d/0") for name in "ab"]
    told += [Fact("gpu:a", "setting", "memory_type=gddr6"), Fact("gpu:a", "setting", "ecc=off")]
    once = prepared(estate_of(told))
    assert verdict(once) == {"nvlink:d/0": Verdict.UNKNOWN, "gpu:a": Verdict.UNKNOWN}
    assert len(prepared(once)) == len(once)


def test_a_fence_that_is_designed_knows_the_constraints_without_any_bulletin() -> None:
    estate = estate_of(facts(draw(64, 7)))
    assert estate.table("requires_constraint").count == 0
    assert any(one.target_name == "constraints" for one in design_of(estate).policy.residuals)


def test_on_a_drawn_cluster_a_proof_that_holds_keeps_every_domain_of_which_it_is_known_who_may_enter() -> None:
    """And one that leaks onto a host keeps the domain of that host no more; one on another plane says nothing."""
    design = generated()
    kept = {fact.subject for fact in in_force(design, design.proofs, now=9.0) if fact.attributes["held"]}
    assert len(kept) > 10
    subject = min(kept)
    host = next(one.hosts[0] for one in required(design.estate) if one.subject == subject)
    leak = Difference("leak", "scheduler", "tenant:x", host, "any", 1)
    after = read_back(design, [leak], [], now=9.0)
    assert verdict(after)[subject] is Verdict.FAILED
    elsewhere = read_back(design, [Difference("leak", "ip", "host:x", host, "any", 1)], [], now=9.0)
    assert verdict(elsewhere)[subject] is Verdict.PASSED


def test_where_the_scheduler_did_not_answer_nothing_is_known() -> None:
    design = generated()
    after = read_back(design, [], [Outcome(0, "slurm", "cluster:hpc", "failed", "no answer")], now=9.0)
    assert set(verdict(after).values()) == {Verdict.UNKNOWN}


def test_hosts_that_no_scheduler_guards_are_not_kept() -> None:
    """The residual names them by their group."""
    design = generated()
    proof = design.proofs["slurm"]
    open_ = Residual("scheduler", "slurm", "*", "*", -1, "no slurm is known that guards it")
    found = in_force(design, {"slurm": replace(proof, residuals=(open_,))}, now=9.0)
    assert {fact.attributes["held"] for fact in found} == {False}


def verdict(estate: Estate) -> dict[str, Verdict]:
    return {one.subject: one.verdict for one in results(estate, judge_one(estate, CHECK))}
