"""One connection of a link through the fault proxy: frame by frame, bodies undecoded where nothing asks for more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from adapters.clock import Clock
from adapters.errors import LinkError, RateLimited, Temporary, VenueError
from adapters.link import Notice, Reply, Request, read_frame, write_frame
from adapters.simulators.faults.malformed import HTML_PAGE, wrong_types
from adapters.simulators.faults.nemesis import Nemesis, Passage
from adapters.simulators.faults.plan import BEFORE, MALFORMED, ON_THE_WAY, Fault, Kind, Message, Way
from adapters.simulators.faults.relay import Cut, Relay
from adapters.simulators.faults.skew import shifted
from adapters.simulators.faults.stale import LastAnswers
from adapters.wire_errors import error_body

_log = logging.getLogger(__name__)
_frames = msgspec.msgpack.Decoder(Request | Reply | Notice)
_encode = msgspec.msgpack.encode


class _Named(msgspec.Struct, frozen=True):
    """Any message of any link: its name is all that is read."""

    type: str


_names = msgspec.msgpack.Decoder(_Named)


@dataclass(slots=True)
class LinkConnection:
    """One customer, and the connection to the venue that was opened for him."""

    nemesis: Nemesis
    clock: Clock
    last: LastAnswers[msgspec.Raw]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    venue_reader: asyncio.StreamReader
    venue_writer: asyncio.StreamWriter
    asked: dict[int, tuple[Message, Fault | None]] = field(default_factory=dict)  # and not yet answered
    late: set[asyncio.Task[None]] = field(default_factory=set)
    news: asyncio.Queue[Notice] = field(default_factory=asyncio.Queue)

    async def run(self) -> None:
        """Pass frames both ways until one end leaves, or the nemesis ends it."""
        relay = Relay(self.nemesis, self.clock, message_of=_news, deliver=self._tell)
        pumps = [
            asyncio.create_task(work)
            for work in (self._requests(), self._answers(), relay.run(self._notices()))
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = (*pumps, *self.late)
            for task in tasks:
                task.cancel()
            for message, fault in self.asked.values():
                self._record(message, _bitten_by_now(fault), delivered=_times(fault))
            for error in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(error, Cut):
                    self.writer.transport.abort()
                elif not isinstance(error, _ENDS):
                    _log.error("a fault of the fault proxy itself", exc_info=error)

    async def _requests(self) -> None:
        while True:
            frame = _frames.decode(await read_frame(self.reader))
            if not isinstance(frame, Request):
                raise LinkError("the calling end asks, and does nothing else")
            message = Message(way=Way.REQUEST, verb=_name(frame.body), body=bytes(frame.body))
            fault = self.nemesis.decide(message)
            if fault is not None and fault.kind in BEFORE:
                self._fail(frame.number, fault, message, delivered=0)
            elif fault is not None and fault.kind is Kind.STALE and (old := self.last.to(message.body)):
                write_frame(self.writer, Reply(frame.number, old))
                self._record(message, fault, delivered=0)
            elif fault is not None and fault.kind is Kind.REQUEST_DELAYED:
                late = asyncio.create_task(self._deliver_late(frame, message, fault))
                self.late.add(late)
                late.add_done_callback(self.late.discard)
            else:
                await self._deliver(frame, message, fault)

    async def _deliver_late(self, frame: Request, message: Message, fault: Fault) -> None:
        try:
            await self.nemesis.sit_out(fault, self.clock)
        except asyncio.CancelledError:
            self._record(message, fault, delivered=0)  # it was under way when its connection ended
            raise
        with contextlib.suppress(OSError):  # the pumps hear of the end
            await self._deliver(frame, message, fault)

    async def _deliver(self, frame: Request, message: Message, fault: Fault | None) -> None:
        self.asked[frame.number] = message, fault
        body = self._shifted(frame.body, -self.nemesis.skew)
        for _ in range(_times(fault)):
            write_frame(self.venue_writer, Request(frame.number, frame.deadline, body))
        await self.venue_writer.drain()

    async def _answers(self) -> None:
        while True:
            frame = _frames.decode(await read_frame(self.venue_reader))
            match frame:
                case Notice():
                    self.news.put_nowait(frame)
                case Reply(number, body, error):
                    message, fault = self.asked.pop(number, _FORGOTTEN)
                    if message is None:
                        continue  # the second answer to a request that was delivered twice
                    if fault is None or fault.kind in ON_THE_WAY or fault.kind is Kind.STALE:
                        shown = self._shifted(body, self.nemesis.skew)
                        if error is None:
                            self.last.keep(message.body, shown)
                        write_frame(self.writer, Reply(number, shown, error))
                        times = _times(fault)
                        self._record(message, _bitten_by_now(fault), delivered=times, answered=True)
                    elif fault.kind in MALFORMED:
                        garbage = _malformed(fault.kind, frame)
                        self.writer.write(len(garbage).to_bytes(4, "big") + garbage)
                        self._record(message, fault, delivered=1)
                    else:
                        self._fail(number, fault, message, delivered=1)
                    await self.writer.drain()
                case Request():
                    raise LinkError("the serving end does not ask")

    def _fail(self, number: int, fault: Fault, message: Message, *, delivered: int) -> None:
        self._record(message, fault, delivered=delivered)
        match fault.kind:
            case Kind.RESET_BEFORE | Kind.RESET_AFTER:
                raise Cut
            case Kind.REQUEST_LOST | Kind.ANSWER_LOST:
                return
            case _:
                write_frame(self.writer, Reply(number, error=error_body(_error(fault))))

    async def _notices(self) -> AsyncIterator[Notice]:
        while True:
            yield await self.news.get()

    async def _tell(self, notice: Notice) -> None:
        write_frame(self.writer, Notice(self._shifted(notice.body, self.nemesis.skew)))
        await self.writer.drain()

    def _shifted(self, body: msgspec.Raw, by: timedelta) -> msgspec.Raw:
        if not by:
            return body
        value = msgspec.msgpack.decode(body)
        moved = shifted(value, by)
        if moved == value:
            return body
        self.nemesis.skewed()
        return msgspec.Raw(_encode(moved))

    def _record(
        self, message: Message, fault: Fault | None, *, delivered: int, answered: bool = False
    ) -> None:
        self.nemesis.record(Passage(message=message, fault=fault, delivered=delivered, answered=answered))


_FORGOTTEN = (None, None)
_ENDS = (OSError, EOFError, msgspec.MsgspecError, LinkError, asyncio.CancelledError)


def _bitten_by_now(fault: Fault | None) -> Fault | None:
    """The fault, if it bit before the venue answered."""
    return fault if fault is not None and fault.kind in ON_THE_WAY else None


def _times(fault: Fault | None) -> int:
    return 2 if fault is not None and fault.kind is Kind.REQUEST_DUPLICATED else 1


def _news(notice: Notice) -> Message:
    return Message(way=Way.NEWS, verb=_name(notice.body), body=bytes(notice.body))


def _name(body: msgspec.Raw) -> str:
    try:
        return _names.decode(body).type
    except msgspec.MsgspecError:
        return ""  # no message of ours; whoever serves will say so


def _error(fault: Fault) -> VenueError:
    match fault.kind:
        case Kind.RATE_LIMITED | Kind.RATE_LIMITED_WITH_WAIT:
            wait_s = (fault.seconds or 1.0) if fault.kind is Kind.RATE_LIMITED_WITH_WAIT else None
            return RateLimited("429 too many requests", retry_after_s=wait_s)
        case _:
            return Temporary(f"{fault.status} from the venue")


def _malformed(kind: Kind, reply: Reply) -> bytes:
    match kind:
        case Kind.TRUNCATED:
            body = _encode(reply)
            return body[: len(body) // 2]
        case Kind.HTML:
            return HTML_PAGE
        case Kind.WRONG_TYPES:
            body = _encode(wrong_types(msgspec.msgpack.decode(reply.body)))
            return _encode(Reply(reply.number, msgspec.Raw(body)))
        case _:
            return b""
