c = get_config()
c.ServerApp.ip = '0.0.0.0'
c.ServerApp.token = ''
c.ServerApp.password = 'argon2:$argon2id$v=19$m=10240,t=10,p=8$x'
