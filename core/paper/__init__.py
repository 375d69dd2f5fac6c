"""Sessions: engines, recovery, the host that runs them and the socket it answers on."""
