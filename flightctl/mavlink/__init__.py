"""MAVLink, one module per microservice, and the one module that touches pymavlink (`dialect`)."""
