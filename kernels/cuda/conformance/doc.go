// Package conformance reads and runs conformance cases: a JSON file beside a PTX file says how its kernel is launched and what it must leave in
// memory. A case runs on any device that a [driver.Driver] opens, so that an interpreter and a GPU are held to the same.
package conformance
