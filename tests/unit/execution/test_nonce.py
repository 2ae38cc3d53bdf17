from keeper.execution.nonce import NonceLedger


def test_reserve_hands_each_nonce_out_once():
    ledger = NonceLedger(mined=5)
    assert [ledger.reserve() for _ in range(3)] == [5, 6, 7]


def test_reserve_skips_what_the_last_run_left_in_flight():
    assert NonceLedger(mined=5, taken=(5, 7)).reserve() == 6


def test_a_released_nonce_is_handed_out_before_the_line_grows():
    ledger = NonceLedger(mined=0)
    _, second, _ = ledger.reserve(), ledger.reserve(), ledger.reserve()
    ledger.release(second)
    assert ledger.gaps() == (1,)
    assert ledger.reserve() == 1
    assert ledger.gaps() == ()


def test_a_node_that_lags_does_not_bring_a_final_nonce_back():
    ledger = NonceLedger(mined=4, taken=(3,))
    ledger.finalise(3)
    ledger.observe(2)
    assert ledger.reserve() == 4


def test_a_restart_on_a_lagging_node_starts_above_what_the_journal_knows():
    assert NonceLedger(mined=2, floor=4).reserve() == 4


def test_observe_names_nonces_we_never_handed_out():
    ledger = NonceLedger(mined=5, floor=5)
    assert ledger.reserve() == 5
    assert ledger.observe(6) == ()
    assert ledger.observe(8) == (6, 7)


def test_observe_names_what_was_used_between_two_runs():
    """Nonces 3 and 5 were ours and are open; 4 was used while nobody of ours looked."""
    assert NonceLedger(mined=6, taken=(3, 5), floor=3).observe(6) == (4,)


def test_observe_names_a_stranger_once_although_a_reorg_repeats_the_count():
    ledger = NonceLedger(mined=5, floor=5)
    assert ledger.observe(6) == (5,)
    assert ledger.observe(4) == ()
    assert ledger.observe(6) == ()


def test_observe_after_a_reorg_keeps_our_nonces_ours():
    ledger = NonceLedger(mined=5)
    first, second = ledger.reserve(), ledger.reserve()
    ledger.observe(7)
    ledger.observe(5)
    assert ledger.in_flight == (first, second)
    assert ledger.reserve() == 7
