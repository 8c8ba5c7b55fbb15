"""The identities that check compares, by what they rest on."""
