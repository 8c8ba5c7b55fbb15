// Empty: with a file of assembly in the package, a function may have no body.
