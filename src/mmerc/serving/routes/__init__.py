"""The HTTP routes; each module makes a router for a `Service`."""
