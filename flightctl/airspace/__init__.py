"""Who else flies here: other aircraft and drones as our receivers hear them, and where they will meet ours."""
