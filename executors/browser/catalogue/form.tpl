# Web form password: a login page and a page to change the own password, with the ids of their fields. Clone it, and put the addresses and
# the selectors of your application in; the selectors of refusal are what it shows when it says no.
start-at https://[#HOSTNAME#]/login

new-action
fill #username [#USERNAME#]
fill #password [#CURRENT_PASSWORD#]
click #login
refusal #login-error
logged-in #account

new-action
set-location https://[#HOSTNAME#]/password

new-action
fill #current-password [#CURRENT_PASSWORD#]
fill #new-password [#NEW_PASSWORD#]
fill #new-password-again [#NEW_PASSWORD#]
click #change
refusal #change-error
test-visible #password-changed
