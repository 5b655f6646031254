package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cofre/executors"
	"cofre/executors/mask"
	"cofre/vault/secret"
)

// pace is how often the page is asked again.
const pace = 50 * time.Millisecond

// quote writes a text of the template for a place in a script of ours.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}

// element is the script that finds the one of a selector.
func element(css string) string { return "document.querySelector(" + quote(css) + ")" }

// condition is the script of a test; its answer is true or false.
func condition(st step) string {
	switch st.verb {
	case "test-location":
		return "location.href.includes(" + quote(st.text) + ")"
	case "test-visible", "logged-in":
		return visible(st.css)
	case "test-not-visible":
		return "!(" + visible(st.css) + ")"
	}
	return element(st.css) + " !== null"
}

func visible(css string) string {
	return "(e => e !== null && e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden')(" + element(css) + ")"
}

// until waits for a condition of the page. A refusal that shows meanwhile ends it.
func (r *run) until(ctx context.Context, script, what string) error {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	for {
		_, failed := r.net.quiet()
		if failed != nil {
			return failed
		}
		if r.refusal != "" {
			if said, err := evaluate[bool](ctx, r.tools, visible(r.refusal)); err == nil && said {
				return r.refused()
			}
		}
		met, err := evaluate[bool](ctx, r.tools, script)
		if err == nil && met {
			return nil
		}
		if errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-time.After(pace): // a page that is just being replaced has no scripts
		case <-ctx.Done():
			if _, failed := r.net.quiet(); failed != nil {
				return failed
			}
			return r.slow("the page does not show " + what)
		}
	}
}

// slow is the failure of a page that was waited for.
func (r *run) slow(what string) error {
	return &executors.Failure{Class: executors.ClassTimeout, Msg: fmt.Sprintf("%s within %s; for slow pages: cofre automation set --read-timeout", what, r.limit)}
}

// settle waits until the page is complete and asks for nothing.
func (r *run) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	for calm := 0; calm < 3; {
		select {
		case <-time.After(pace): // a submit takes a moment to become a request
		case <-ctx.Done():
			return r.slow("the page does not become complete")
		}
		quiet, failed := r.net.quiet()
		if failed != nil {
			return failed
		}
		complete, err := evaluate[bool](ctx, r.tools, "document.readyState === 'complete'")
		if errors.Is(err, errEnded) {
			return err
		}
		if calm++; !quiet || err != nil || !complete {
			calm = 0
		}
	}
	return nil
}

// navigate opens a page.
func (r *run) navigate(ctx context.Context, st step) error {
	to, err := r.text(st.parts, escapeURL)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	var out struct {
		Error string `json:"errorText"`
	}
	wait, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	err = r.tools.call(wait, "Page.navigate", map[string]any{"url": to}, &out) // returns when the page begins to come
	if _, failed := r.net.quiet(); err != nil && failed != nil {
		return failed
	}
	switch {
	case err != nil && wait.Err() != nil:
		return r.slow("the target does not answer with a page")
	case err != nil:
		return err
	}
	return r.settle(ctx)
}

// fill types a value into a field, and reads it back: a field may cut or change what is typed.
func (r *run) fill(ctx context.Context, st step) error {
	text, err := r.text(st.parts, escapeInput)
	if err != nil {
		return executors.Fail(executors.ClassTemplate, st.line, err)
	}
	if err := r.until(ctx, element(st.css)+" !== null", st.css); err != nil {
		return err
	}
	ready, err := evaluate[bool](ctx, r.tools, "(e => { e.focus(); if ('value' in e) e.value = ''; return document.activeElement === e })("+element(st.css)+")")
	if err != nil || !ready {
		return errors.Join(err, &executors.Failure{Class: executors.ClassProtocol, Msg: "the field " + st.css + " takes no input"})
	}
	if st.candidate() {
		r.net.hold()
	}
	r.shown = r.shown || slices.ContainsFunc(st.parts, func(p mask.Part) bool { return p.Hole != "" && p.Hole.Secret() })
	if st.verb == "fill" {
		err = r.tools.call(ctx, "Input.insertText", map[string]any{"text": text}, nil)
	} else {
		for _, c := range text {
			if err = r.tools.call(ctx, "Input.dispatchKeyEvent", map[string]any{"type": "char", "text": string(c)}, nil); err != nil {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	got, err := evaluate[string](ctx, r.tools, "(e => { e.dispatchEvent(new Event('change', { bubbles: true })); return 'value' in e ? e.value : e.textContent })("+element(st.css)+")")
	if err == nil && got != text {
		err = &executors.Failure{Class: executors.ClassTemplate, Msg: "the field " + st.css + " holds something else than what was typed: it may be too short"}
	}
	return err
}

// click clicks an element by script, or with the mouse.
func (r *run) click(ctx context.Context, st step) error {
	if err := r.until(ctx, element(st.css)+" !== null", st.css); err != nil {
		return err
	}
	if st.verb != "really-click" {
		_, err := evaluate[any](ctx, r.tools, element(st.css)+".click()")
		return err
	}
	at, err := evaluate[[2]float64](ctx, r.tools, "(e => { e.scrollIntoView({ block: 'center' }); const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })("+element(st.css)+")")
	if err != nil {
		return err
	}
	for _, kind := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		if err := r.tools.call(ctx, "Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at[0] + r.x, "y": at[1] + r.y, "button": "left", "clickCount": 1}, nil); err != nil {
			return err
		}
	}
	return nil
}

// text renders parts; the browser's protocol wants a string.
func (r *run) text(parts []mask.Part, escape mask.Escape) (string, error) {
	v, err := mask.Render(parts, r.session.Resolve, escape)
	if err != nil {
		return "", err
	}
	defer v.Wipe()
	return reveal(v), nil
}

func reveal(v secret.Value) (out string) {
	_ = v.Reveal(func(b []byte) error { out = string(b); return nil })
	return out
}

// refused is the failure of a page that shows the template's refusal.
func (r *run) refused() error {
	f := &executors.Failure{Class: executors.ClassPolicy, Msg: fmt.Sprintf("the page shows %s", r.refusal)}
	if !r.in {
		f.Class = executors.ClassAuth
	}
	return &refusal{f}
}
