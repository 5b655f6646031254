-- Oracle drop user, ending its sessions: the manager needs ALTER SYSTEM, and SELECT on V$SESSION.
BEGIN
  FOR s IN (SELECT sid, serial# AS serial FROM v$session WHERE username = UPPER('[#USERNAME#]')) LOOP
    EXECUTE IMMEDIATE 'ALTER SYSTEM KILL SESSION ''' || s.sid || ',' || s.serial || ''' IMMEDIATE';
  END LOOP;
END;
/
DROP USER [#USERNAME#]
