"""The simulated world: ground, river, weather, people, lifebuoys; the truth behind every scenario."""

from sim.world.events import EventKind, WorldEvent
from sim.world.ground import BankPlace, Ground, Ledge
from sim.world.plans import Act, BoatPlan, ClimbDown, CrowdPlan, FallIn, PersonPlan, Stand, Walk, WalkBack, Wander
from sim.world.view import BuoyKind, DroneView, WorldView
from sim.world.water import Bore, River
from sim.world.weather import Light, Weather
from sim.world.world import World

__all__ = [
    "Act",
    "BankPlace",
    "BoatPlan",
    "Bore",
    "BuoyKind",
    "ClimbDown",
    "CrowdPlan",
    "DroneView",
    "EventKind",
    "FallIn",
    "Ground",
    "Ledge",
    "Light",
    "PersonPlan",
    "River",
    "Stand",
    "Walk",
    "WalkBack",
    "Wander",
    "Weather",
    "World",
    "WorldEvent",
    "WorldView",
]
