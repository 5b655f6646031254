-- Oracle create user: clone it, and add GRANT lines for what the account is for.
CREATE USER [#USERNAME#] IDENTIFIED BY "[#NEW_PASSWORD#]";
GRANT CREATE SESSION TO [#USERNAME#];
