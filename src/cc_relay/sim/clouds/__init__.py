"""The clouds that serve Claude, simulated: how each is entered, believes its clients, and words its answers."""
