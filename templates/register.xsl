<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="register.title"/></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="register">
    <div class="sheet">
      <h1><w:t id="register.title"/></h1>
      <xsl:choose>
        <xsl:when test="@guest"><p><w:t id="register.guest" address="@address"/></p></xsl:when>
        <xsl:otherwise><p><w:t id="register.member" tenant="/page/@tenant"/></p></xsl:otherwise>
      </xsl:choose>
      <xsl:if test="@problem">
        <p class="problem" id="problem" role="alert">
          <xsl:choose>
            <xsl:when test="@problem = 'short'"><w:t id="problem.password-short" least="@least"/></xsl:when>
            <xsl:when test="@problem = 'long'"><w:t id="problem.password-long"/></xsl:when>
            <xsl:when test="@problem = 'plain'"><w:t id="problem.password-plain"/></xsl:when>
            <xsl:when test="@problem = 'differs'"><w:t id="problem.password-differs"/></xsl:when>
            <xsl:when test="@problem = 'taken'"><w:t id="problem.taken"/><xsl:text> </xsl:text><a href="/login"><w:t id="login.title"/></a></xsl:when>
            <xsl:when test="@problem = 'registration'"><w:t id="problem.registration"/></xsl:when>
            <xsl:when test="@problem = 'address'"><w:t id="problem.address"/></xsl:when>
            <xsl:when test="@problem = 'name'"><w:t id="problem.name"/></xsl:when>
            <xsl:otherwise><w:t id="problem.later"/></xsl:otherwise>
          </xsl:choose>
        </p>
      </xsl:if>
      <form method="post" action="/register">
        <xsl:call-template name="csrf"/>
        <xsl:choose>
          <!-- For password managers, which save what they find beside the password. -->
          <xsl:when test="@guest"><input type="hidden" autocomplete="username" value="{@address}"/></xsl:when>
          <xsl:otherwise>
            <div class="field">
              <label for="address"><w:t id="form.address"/></label>
              <input id="address" name="address" type="email" autocomplete="username" autocapitalize="none" spellcheck="false" required="required" maxlength="254" value="{@address}"/>
            </div>
            <div class="field">
              <label for="registration"><w:t id="form.registration"/></label>
              <p class="hint" id="registration-hint"><w:t id="register.code-hint" tenant="/page/@tenant"/></p>
              <input id="registration" name="registration" class="code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" required="required" maxlength="64" value="{@registration}" aria-describedby="registration-hint"/>
            </div>
          </xsl:otherwise>
        </xsl:choose>
        <div class="field">
          <label for="name"><w:t id="form.name"/><xsl:text> </xsl:text><small><w:t id="form.optional"/></small></label>
          <input id="name" name="name" type="text" autocomplete="name" maxlength="100" value="{@name}"/>
        </div>
        <div class="field">
          <label for="password"><w:t id="form.new-password"/></label>
          <p class="hint" id="password-hint"><w:t id="register.rule" least="@least"/></p>
          <input id="password" name="password" type="password" autocomplete="new-password" required="required" minlength="{@least}" maxlength="256" aria-describedby="password-hint"/>
        </div>
        <div class="field">
          <label for="password2"><w:t id="form.password-again"/></label>
          <input id="password2" name="password2" type="password" autocomplete="new-password" required="required" minlength="{@least}" maxlength="256"/>
        </div>
        <div class="row">
          <button class="btn" type="submit"><w:t id="register.go"/></button>
          <xsl:if test="@guest"><a href="/inbox"><w:t id="register.later"/></a></xsl:if>
        </div>
      </form>
      <h2><w:t id="register.keep"/></h2>
      <p class="quiet"><w:t id="register.keep-text"/></p>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
