// Package edge puts the API together: it adapts the application services to what each resource asks for, and wires
// resources, authentication, limits and documentation into one handler. Only cmd/cofre imports it; it holds no rules of
// its own.
package edge
