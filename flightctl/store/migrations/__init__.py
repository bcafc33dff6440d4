"""The schema's history, run by alembic each time the store is opened."""
