package openapi

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"cofre/httpapi/examples"
	"cofre/httpapi/route"
)

func declared(routes []route.Route) []examples.Route {
	var all []examples.Route
	for _, r := range routes {
		all = append(all, examples.Route{Method: r.Method, Path: r.Path})
	}
	return all
}

// exemplify shows a step of the examples at an operation: what stands in its path, its query and its body, and its answer.
func exemplify(op object, r *route.Route, s *examples.Step) {
	path, query, _ := strings.Cut(s.Path, "?")
	values := map[string]string{}
	parts := strings.Split(path, "/")
	for i, name := range strings.Split(r.Path, "/") {
		if strings.HasPrefix(name, "{") {
			values["path "+strings.Trim(name, "{}")] = parts[i]
		}
	}
	if asked, err := url.ParseQuery(query); err == nil {
		for name := range asked {
			values["query "+name] = asked.Get(name)
		}
	}
	params, _ := op["parameters"].([]object)
	for _, p := range params {
		if v, ok := values[p["in"].(string)+" "+p["name"].(string)]; ok {
			if v, ok := ofType(v, p["schema"].(object)); ok {
				p["example"] = v
			}
		}
	}
	if body, ok := op["requestBody"].(object); ok {
		sent(body["content"].(object), strings.ReplaceAll(s.Body, "$tomorrow", "2099-01-31T12:00:00Z"))
	}
	status, answer, _ := strings.Cut(s.Answer, "\n")
	if given, ok := op["responses"].(object)[status].(object); ok && json.Valid([]byte(answer)) {
		given["content"].(object)["application/json"].(object)["example"] = json.RawMessage(answer)
	}
}

// sent shows a body under the media type that it has.
func sent(content object, body string) {
	if json.Valid([]byte(body)) {
		content["application/json"].(object)["example"] = json.RawMessage(body)
		return
	}
	media, ok := content["application/x-www-form-urlencoded"].(object)
	form, err := url.ParseQuery(body)
	if !ok || err != nil || body == "" {
		return
	}
	properties, fields := media["schema"].(object)["properties"].(object), object{}
	for name := range form {
		if schema, known := properties[name].(object); known {
			if v, ok := ofType(form.Get(name), schema); ok {
				fields[name] = v
			}
		}
	}
	media["example"] = fields
}

// ofType writes a text of a URL or a form as its schema says, if it can.
func ofType(text string, schema object) (any, bool) {
	switch schema["type"] {
	case "integer":
		_, err := strconv.ParseUint(text, 10, 64)
		return json.RawMessage(text), err == nil
	case "boolean":
		return json.RawMessage(text), text == "true" || text == "false"
	}
	return text, true
}
