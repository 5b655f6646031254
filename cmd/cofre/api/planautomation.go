package api

import (
	"fmt"
	"strings"

	"cofre/httpapi/dsm"
)

// automation says what an automation of secrets names as the API shows it: triggers, identities of secrets, and credentials
// with their devices.
func (p *planner) automation(o *object) error {
	triggers, _ := o.want["triggers"].([]any)
	for i := range triggers {
		event, err := dsm.ReadTrigger(fmt.Sprint(triggers[i]))
		if err != nil {
			return o.fault(fmt.Sprintf("triggers[%d]", i), "%v", err)
		}
		triggers[i] = string(event)
	}
	secrets, _ := o.want["secrets"].([]any)
	for i := range secrets {
		have, err := p.get(at("secrets/%s", fmt.Sprint(secrets[i])))
		if err == nil && have == nil {
			err = fmt.Errorf("there is no secret %q in the cluster", secrets[i])
		}
		if err != nil {
			return o.fault(fmt.Sprintf("secrets[%d]", i), "%v", err)
		}
		secrets[i] = have["identity"]
	}
	devices, _ := o.want["devices"].([]any)
	for i := range devices {
		d, _ := devices[i].(map[string]any)
		if err := p.automationDevice(o, fmt.Sprintf("devices[%d]", i), d); err != nil {
			return err
		}
	}
	return nil
}

// automationDevice adds the device of a credential, which a file need not name: it cannot be another one.
func (p *planner) automationDevice(o *object, path string, d map[string]any) error {
	if err := p.identify(o, path+".credential", d, "credential"); err != nil {
		return err
	}
	var on string
	name, _ := d["credential"].(string)
	if in := p.files["credential/"+name]; in != nil {
		on, _ = in.want["hostname"].(string)
	}
	if on == "" {
		have, err := p.get(at("credentials/%s", name))
		if err != nil {
			return o.fault(path, "%v", err)
		}
		on, _ = have["hostname"].(string)
	}
	said, _ := d["hostname"].(string)
	if said != "" && !strings.EqualFold(said, on) {
		return o.fault(path+".hostname", "credential %s is not of the device %s: it logs in to its own device only", name, said)
	}
	d["hostname"] = on
	return nil
}
