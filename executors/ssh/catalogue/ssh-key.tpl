# The account's own list of accepted keys, from its home. Only public keys reach the target.
authorized-keys ".ssh/authorized_keys"
