import pytest

from keeper.chain.faults import NodeFault, classify, classify_refusal, classify_status, clean, is_known_transaction
from keeper.chain.phrases import FaultKind, Refusal

SELECTOR = "0xdeadbeef"


@pytest.mark.parametrize(
    ("code", "message", "data", "kind"),
    [
        # As seen on nodes and providers: what the code says is often not what happened.
        (3, "execution reverted: custom error 0xdeadbeef", SELECTOR, FaultKind.REVERTED),
        (-32000, "execution reverted", None, FaultKind.REVERTED),
        (-32015, "VM execution error.", "Reverted 0xdeadbeef", FaultKind.REVERTED),
        (-32603, "EVM error OutOfGas", None, FaultKind.HALTED),
        (-32000, "out of gas", None, FaultKind.HALTED),
        (-32000, "invalid opcode: INVALID", None, FaultKind.HALTED),
        (-32003, "Insufficient funds for gas * price + value", None, FaultKind.HALTED),
        (-32001, "Resource not found", None, FaultKind.UNKNOWN_BLOCK),
        (-32000, "header not found", None, FaultKind.UNKNOWN_BLOCK),
        (-32000, "unknown block", None, FaultKind.UNKNOWN_BLOCK),
        (-32000, "hash 0xabc is not currently canonical", None, FaultKind.UNKNOWN_BLOCK),
        (-32000, "block range extends beyond current head block", None, FaultKind.UNKNOWN_BLOCK),
        (-32000, "missing trie node 0xabc (path ) state 0xabc is not available", None, FaultKind.PRUNED),
        (-32602, "BlockOutOfRangeError: block height is 10 but requested was 1", None, FaultKind.PRUNED),
        (-32005, "query returned more than 10000 results", None, FaultKind.TOO_WIDE),
        (-32602, "Log response size exceeded. You can make eth_getLogs requests", None, FaultKind.TOO_WIDE),
        (-32000, "exceed maximum block range: 5000", None, FaultKind.TOO_WIDE),
        (-32600, "eth_getLogs is limited to a 10,000 range", None, FaultKind.TOO_WIDE),
        (-32000, "execution aborted (timeout = 5s)", None, FaultKind.TOO_WIDE),
        (-32005, "daily request count exceeded, request rate limited", None, FaultKind.RATE_LIMITED),
        (-32005, "limit exceeded", None, FaultKind.RATE_LIMITED),
        (-32097, "your app has exceeded its compute units per second capacity", None, FaultKind.RATE_LIMITED),
        (429, "slow down", None, FaultKind.RATE_LIMITED),
        (-32601, "the method eth_simulateV1 does not exist/is not available", None, FaultKind.UNSUPPORTED),
        (-32000, "something nobody has seen", None, FaultKind.NODE),
        (None, "", None, FaultKind.NODE),
    ],
)
def test_classify_words_of_nodes_are_sorted_by_what_to_do(code, message, data, kind):
    assert classify(code, message, data).kind is kind


@pytest.mark.parametrize("data", [SELECTOR, "Reverted 0xdeadbeef", {"data": SELECTOR}, {"result": {"data": SELECTOR}}])
def test_classify_revert_data_is_found_in_every_shape(data):
    assert classify(3, "execution reverted", data).data == bytes.fromhex("deadbeef")


@pytest.mark.parametrize("data", [None, "0x", "0xzz", "text", 7, {"data": None}, []])
def test_classify_no_revert_data_is_empty(data):
    assert classify(3, "execution reverted", data).data == b""


def test_clean_drops_urls_and_control_characters():
    said = clean("at https://node.example/v2/SECRETKEY: \x1b[31mno\u202e" + "x" * 500)

    assert "SECRETKEY" not in said
    assert said.isascii()
    assert said.isprintable()
    assert len(said) == 240


def test_classify_status_429_keeps_the_wait_and_never_left():
    fault = classify_status(429, 7.0)

    assert (fault.kind, fault.retry_after_s, fault.unsent) == (FaultKind.RATE_LIMITED, 7.0, True)


def test_classify_status_gateway_error_may_have_been_forwarded():
    fault = classify_status(502, None)

    assert (fault.kind, fault.unsent) == (FaultKind.TRANSPORT, False)


@pytest.mark.parametrize("message", ["already known", "transaction already imported", "ALREADY_EXISTS: already exists"])
def test_is_known_transaction_pool_phrases_count_as_taken(message):
    assert is_known_transaction(message)


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        (NodeFault(FaultKind.NODE, "nonce too low: next nonce 5, tx nonce 4"), Refusal.NONCE_TOO_LOW),
        (NodeFault(FaultKind.NODE, "replacement transaction underpriced"), Refusal.UNDERPRICED),
        (NodeFault(FaultKind.NODE, "max fee per gas less than block base fee"), Refusal.FEE_TOO_LOW),
        (NodeFault(FaultKind.NODE, "transaction underpriced"), Refusal.FEE_TOO_LOW),
        (NodeFault(FaultKind.HALTED, "insufficient funds for gas * price + value"), Refusal.INSUFFICIENT_FUNDS),
        (NodeFault(FaultKind.NODE, "invalid sender"), Refusal.REJECTED),
        (NodeFault(FaultKind.TIMEOUT, "no answer within 3 s"), Refusal.AMBIGUOUS),
        (NodeFault(FaultKind.TRANSPORT, "connection lost"), Refusal.AMBIGUOUS),
        (NodeFault(FaultKind.MALFORMED, "answers carry other ids"), Refusal.AMBIGUOUS),
        (NodeFault(FaultKind.TRANSPORT, "cannot connect", unsent=True), Refusal.UNREACHED),
        (NodeFault(FaultKind.RATE_LIMITED, "limit exceeded"), Refusal.UNREACHED),
    ],
)
def test_classify_refusal_only_a_missing_answer_is_ambiguous(fault, refusal):
    assert classify_refusal(fault) is refusal
