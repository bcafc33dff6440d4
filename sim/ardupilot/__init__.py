"""The real ArduCopter SITL in the place of the simulated copter: how it is started and what it is held against.

launch ──► process ──► health ──► relay ──► the service's MAVLink endpoint     (SERIAL0)
              │                     └─ interlock: a closed dock refuses arming
              └──► truth ──► copter ──► simulated hardware                     (SERIAL1)
"""
