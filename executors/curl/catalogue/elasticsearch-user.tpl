# Elasticsearch user: an administrator sets the password of a user of the native realm. The device lists its port as HTTPS:9200.
set-request-method "POST"
set-request-header "Content-Type" "application/json"
set-request-content "{\"password\": \"[#NEW_PASSWORD#]\"}"
request "https://[#CONNECT_IP#]/_security/user/[#USERNAME#]/_password"
verify "https://[#CONNECT_IP#]/_security/_authenticate"
end
