"""
Ownership: the lease that says this server is alive, and what became of the others'.
"""

from collections.abc import Sequence
from datetime import timedelta

from dalsegno.model.clock import Clock
from dalsegno.store.contract import Lease, LeaseEnd, Store

_MICROSECOND = timedelta(microseconds=1)
_RENEWALS = 3  # within one lease: two may come late before the server is taken for dead


class Ownership:
    """
    The lease of this server.

    Attributes:
        owner: What runs that it drives are marked with; 0 before `begin`.
        renewal_s: Seconds between renewals.
    """

    def __init__(self, store: Store, clock: Clock, lease: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._lease_us = lease // _MICROSECOND
        self.renewal_s = lease.total_seconds() / _RENEWALS
        self.owner = 0

    async def begin(self) -> None:
        """
        Take a lease of a new number.
        """
        self.owner = await self._store.take_lease(expires_us=self._expires_us())

    async def renew(self) -> bool:
        """
        Say that this server is alive; False if it was taken for dead.
        """
        return await self._store.renew_lease(self.owner, expires_us=self._expires_us())

    async def release(self) -> None:
        """
        Give the lease back, so that others may go on with what is left at once.
        """
        await self._store.end_lease(self.owner, LeaseEnd.RELEASED)

    async def others_ended(self) -> Sequence[Lease]:
        """
        The leases of servers that drive their runs no more.
        """
        await self._store.expire_leases(self._clock.now_us(), spare=self.owner)
        owners = await self._store.owners()
        return [it for it in owners if it.ended is not None and it.owner != self.owner]

    async def is_driven(self, owner: int | None) -> bool:
        """
        Whether another server that is alive owns what *owner* does.
        """
        if owner == self.owner:
            return False
        return owner not in {lease.owner for lease in await self.others_ended()}

    def _expires_us(self) -> int:
        return self._clock.now_us() + self._lease_us
