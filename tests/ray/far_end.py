"""What another machine would see of a fleet: the links' messages over Ray calls instead of a socket. Prints JSON."""

import asyncio
import json
import os
import time

import msgspec

from cluster.home import Home
from cluster.ray_runtime import boot


async def look() -> dict[str, object]:
    from actors.messages import WALLET_LINK, AskReport, Engage, Hello, WalletReport
    from adapters.errors import Fenced, StaleCommand
    from adapters.model import BotId
    from adapters.paper.wire import PAPER_LINK, Follow, Listing, Quoted
    from adapters.wire_errors import ErrorBody, as_error
    from cluster.ray_runtime.calls import answer, find
    from cluster.ray_runtime.links import RayCaller
    from cluster.ray_runtime.naming import EXCHANGE

    wallet = RayCaller("wallet:makers", find("wallet:makers"), WALLET_LINK)
    report = await wallet.call(AskReport(), timeout_s=10)
    assert isinstance(report, WalletReport)
    engaged = await wallet.call(Engage((), 0), timeout_s=10)
    fenced = ""
    try:
        await wallet.call(Hello(BotId("quoter_btc"), 0), timeout_s=10)
    except Fenced as refused:
        fenced = str(refused)

    body = msgspec.msgpack.encode(AskReport())
    late = find("wallet:makers").link_call.remote("late", body, time.time() - 1)
    _, error = await answer(late, timeout_s=10, what="late")
    stale = isinstance(as_error(msgspec.msgpack.decode(error, type=ErrorBody)), StaleCommand)

    exchange = RayCaller(EXCHANGE, find(EXCHANGE), PAPER_LINK)
    listing = await exchange.call(Follow(), timeout_s=10)
    assert isinstance(listing, Listing)
    quotes = 0
    async for news in exchange.notices():
        quotes += isinstance(news, Quoted)
        if quotes > 20:
            break
    await exchange.aclose()
    await wallet.aclose()
    return {
        "wallet": report.wallet,
        "ready": report.ready,
        "engaged": engaged.wallet,
        "fenced": fenced,
        "stale_is_refused": stale,
        "markets": sorted(listing.instruments),
        "quotes": quotes,
    }


def main() -> None:
    home = Home.from_environment(os.environ)
    os.environ.update(boot.environment(home))  # before Ray is imported

    from cluster.driver import connected

    with connected(home):
        print(json.dumps(asyncio.run(look())))


if __name__ == "__main__":
    main()
