// Package route is how a resource offers itself over HTTP: a Route declares method, path, who may call, what is audited
// and its documentation beside its handler; Mount puts all routes behind one handler on gin.
//
// It guarantees that no route exists without a decision on authentication and audit; that paths match in any case, under
// /iso as under /api; that limits apply before any cryptography; that a node which cannot know the present state serves
// nothing; that a defect in a handler ends in an answer; and that the access log holds no value of a request. Resources
// declare routes; httpapi/edge mounts them.
package route
