<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="login.title"/></xsl:template>
<xsl:template match="page" mode="foot"><xsl:for-each select="login"><xsl:call-template name="foot-sender"/></xsl:for-each></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="login">
    <div class="sheet">
      <xsl:if test="sender"><xsl:call-template name="who"/><hr/></xsl:if>
      <h1>
        <xsl:choose>
          <xsl:when test="sender"><w:t id="login.message" sender="sender/@shown"/></xsl:when>
          <xsl:otherwise><w:t id="login.title"/></xsl:otherwise>
        </xsl:choose>
      </h1>
      <xsl:if test="sender"><p><w:t id="login.message-text" until="expires/@day"/></p></xsl:if>
      <xsl:if test="@problem">
        <p class="problem" id="problem" role="alert">
          <xsl:choose>
            <xsl:when test="@problem = 'empty'"><w:t id="problem.login-empty"/></xsl:when>
            <xsl:when test="@problem = 'later' and again"><w:t id="problem.login-at" at="again/@hm"/></xsl:when>
            <xsl:when test="@problem = 'later'"><w:t id="problem.login-later"/></xsl:when>
            <xsl:otherwise><w:t id="problem.login-wrong"/></xsl:otherwise>
          </xsl:choose>
        </p>
      </xsl:if>
      <form method="post" action="/login">
        <xsl:call-template name="csrf"/>
        <xsl:if test="@next"><input type="hidden" name="next" value="{@next}"/></xsl:if>
        <xsl:if test="@code"><input type="hidden" name="pickup" value="{@code}"/></xsl:if>
        <div class="field">
          <label for="address"><w:t id="form.address"/></label>
          <input id="address" name="address" type="email" autocomplete="username" autocapitalize="none" spellcheck="false" required="required" maxlength="254" value="{@typed}">
            <xsl:if test="@problem"><xsl:attribute name="aria-describedby">problem</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="field">
          <label for="password"><w:t id="form.password"/></label>
          <p class="hint" id="password-hint"><w:t id="login.hint" tenant="/page/@tenant"/></p>
          <input id="password" name="password" type="password" autocomplete="current-password" required="required" maxlength="256" aria-describedby="password-hint"/>
        </div>
        <div class="row"><button class="btn" type="submit"><w:t id="login.go"/></button><a href="/reset"><w:t id="login.forgotten"/></a></div>
      </form>
      <h2><w:t id="login.none"/></h2>
      <p class="quiet"><w:t id="login.none-text" tenant="/page/@tenant"><w:f name="code"><a href="/"><w:t id="login.by-code"/></a></w:f><w:f name="register"><a href="/register"><w:t id="login.register"/></a></w:f></w:t></p>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
