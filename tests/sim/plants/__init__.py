"""Every bug that is planted, by what it is about."""

from tests.sim.plants import halts, leases, orders, scripted, supervision

PLANTS = (*orders.PLANTS, *leases.PLANTS, *halts.PLANTS, *supervision.PLANTS, *scripted.PLANTS)
